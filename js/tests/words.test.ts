// Words in the reader's language: values, numbers, what is not translated, the pseudo-locale.
import { afterEach, expect, it } from "vitest";
import { ago, bytes, duration } from "../src/lib/format";
import { chooseLanguage, readLanguage, rightToLeft, t, tn, tx } from "../src/lib/words";

afterEach(() => chooseLanguage(null));

it("stays English where a language has no word for it", () => {
  chooseLanguage("de");
  expect(t("Fork & run")).toBe("Abzweigen & ausführen");
  expect(t("no such words at {label}", { label: "c3" })).toBe("no such words at c3");
});

it("counts and fills in values, which are never read as words", () => {
  expect(tn("{n} branch", "{n} branches", 1)).toBe("1 branch");
  expect(tn("{n} branch", "{n} branches", 1200)).toBe("1,200 branches");
  expect(t("{a} and {b}", { a: "{b}", b: "x" })).toBe("{b} and x");
});

it("marks and lengthens every word in the pseudo-locale, but no value", () => {
  chooseLanguage("pseudo-rtl");
  expect(t("Fork at {label}", { label: "node" })).toMatch(/^⟦Fórk át node·+⟧$/);
  expect(rightToLeft()).toBe(true);
});

it("puts elements where the language has them", () => {
  chooseLanguage("de");
  const where = tx("Delete {name} from {namespace}?", { name: "<b>", namespace: "users" });
  expect(where.join("")).toBe("<b> aus users löschen?");
});

it("writes numbers and times as the language does", () => {
  chooseLanguage("de");
  expect(tn("{n} branch", "{n} branches", 1200)).toBe("1.200 Zweige");
  expect([duration(1204), bytes(1_500_000), ago(0, 180_000)]).toEqual(["1,2 s", "1,5 MB", "vor 3 min"]);
});

it("takes the page's language where none is chosen", () => {
  document.documentElement.lang = "de-AT";
  readLanguage();
  expect(t("Stop")).toBe("Anhalten");
  document.documentElement.lang = "";
  readLanguage();
  expect(t("Stop")).toBe("Stop");
});

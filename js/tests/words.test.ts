// Words in the reader's language: values, numbers, what is not translated, the pseudo-locale.
import { afterEach, expect, it } from "vitest";
import { CHOICE, rightToLeft, t, tn } from "../src/lib/words";

afterEach(() => localStorage.clear());

it("stays English where a language has no word for it", () => {
  localStorage.setItem(CHOICE, "de");
  expect(t("Fork & run")).toBe("Abzweigen & ausführen");
  expect(t("no such words at {label}", { label: "c3" })).toBe("no such words at c3");
});

it("counts and fills in values, which are never read as words", () => {
  expect(tn("{n} branch", "{n} branches", 1)).toBe("1 branch");
  expect(tn("{n} branch", "{n} branches", 1200)).toBe("1,200 branches");
  expect(t("{a} and {b}", { a: "{b}", b: "x" })).toBe("{b} and x");
});

it("marks and lengthens every word in the pseudo-locale, but no value", () => {
  localStorage.setItem(CHOICE, "pseudo-rtl");
  expect(t("Fork at {label}", { label: "node" })).toMatch(/^⟦Fórk át node·+⟧$/);
  expect(rightToLeft()).toBe(true);
});

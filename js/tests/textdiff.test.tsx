import { render } from "preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { lines } from "../src/lib/hunks";
import type { TextPart } from "../src/protocol";
import { TextDiff } from "../src/view/inspector/textdiff";

/** Parts of two texts, with where they begin counted. */
function parts(...given: [op: "=" | "-" | "+", text: string, left_out?: number][]): TextPart[] {
  let before = 0;
  let after = 0;
  return given.map(([op, text, left_out = 0]) => {
    const part = { op, text, before, after, left_out };
    before += op === "+" ? 0 : text.length + left_out;
    after += op === "-" ? 0 : text.length + left_out;
    return part;
  });
}

/** Lines as text: what is marked in brackets, a fold as its number of characters. */
function drawn(given: TextPart[]): string[] {
  return lines(given).map(
    ({ sign, pieces }) =>
      sign +
      pieces
        .map(({ part, text, marked, fold }) =>
          fold ? `<${given[part]?.left_out}>` : marked ? `[${text}]` : text,
        )
        .join("")
        .replaceAll("\n", "¶"),
  );
}

it("keeps lines that both texts have, once", () => {
  const given = parts(["=", "one\ntwo "], ["-", "old"], ["+", "new"], ["=", " end\nthree"]);
  expect(drawn(given)).toEqual([" one¶", "-two [old] end¶", "+two [new] end¶", " three"]);
});

it("has a short text as a line before and a line after", () => {
  expect(drawn(parts(["=", "ask "], ["-", "him"], ["+", "her"]))).toEqual(["-ask [him]", "+ask [her]"]);
});

it("shows whole lines that came or went alone", () => {
  expect(drawn(parts(["=", "a\n"], ["+", "b\nc\n"], ["=", "d\n"]))).toEqual([" a¶", "+[b¶]", "+[c¶]", " d¶"]);
});

it("gives a fold between lines a line of its own, one in a line both of its sides", () => {
  expect(drawn(parts(["=", "", 90], ["=", "a\n"], ["-", "b\n"], ["=", "c\n", 40]))).toEqual([
    " <90>",
    " a¶",
    "-[b¶]",
    " c¶",
    " <40>",
  ]);
  expect(drawn(parts(["=", "", 90], ["=", "a "], ["-", "b", 7], ["=", " c", 40], ["=", "d"]))).toEqual([
    " <90>",
    "-a [b]<7> c<40>d",
    "+a  c<40>d",
  ]);
});

it("draws an unfinished line of one side beside the whole line of the other", () => {
  expect(drawn(parts(["=", "x"], ["+", " y\nz"], ["=", "\nend"]))).toEqual([
    "-x¶",
    "+x[ y¶]",
    "+[z]¶",
    " end",
  ]);
});

let host: HTMLElement;
beforeEach(() => {
  host = document.createElement("div");
  document.body.append(host);
});
afterEach(() => {
  render(null, host);
  host.remove();
});

function folds(): HTMLElement[] {
  return [...host.querySelectorAll<HTMLElement>('[data-testid="lgviz-fold"]')];
}

it("opens what was left out where it stands, from the text that has it, and folds it again", async () => {
  const before = vi.fn(async (start: number, count: number) => "o".repeat(count - 1) + String(start % 10));
  const after = vi.fn(async (_start: number, count: number) => `${"n".repeat(count - 1)}\n`);
  const given = parts(["=", "a\n", 3412], ["=", "b "], ["-", "c", 30], ["+", "d"]);
  render(<TextDiff parts={given} quoted={false} before={before} after={after} />, host);
  expect(folds().map((one) => one.textContent)).toEqual([
    "… 3,412 characters unchanged …",
    "… 30 more characters …",
  ]);
  folds()[0]?.click();
  await vi.waitFor(() => expect(folds()).toHaveLength(1));
  expect(after).toHaveBeenCalledWith(2, 3412);
  expect(host.textContent).toContain("n".repeat(3411));
  folds()[0]?.click();
  await vi.waitFor(() => expect(folds()).toHaveLength(0));
  expect(before).toHaveBeenCalledWith(3417, 30);
  expect(host.querySelector(".is-removed")?.textContent).toBe(`−b c${"o".repeat(29)}7`);
  host.querySelector<HTMLElement>(".lgviz-textdiff > .lgviz-link")?.click();
  await vi.waitFor(() => expect(folds()).toHaveLength(2));
});

it("reads what stayed from the old text where the new one is not stored", async () => {
  const before = vi.fn(async (_start: number, count: number) => "x".repeat(count));
  const given = parts(["+", "new "], ["=", "", 50], ["=", "end"], ["+", "", 9]);
  render(<TextDiff parts={given} quoted={false} before={before} after={undefined} />, host);
  expect(folds()).toHaveLength(2); // the same fold, in the line before and the line after
  expect(host.textContent).toContain("… 9 more characters …");
  folds()[0]?.click();
  await vi.waitFor(() => expect(folds()).toHaveLength(0));
  expect(before).toHaveBeenCalledWith(0, 50);
});

it("asks for a bounded piece of a text that has no end", async () => {
  const after = vi.fn(async (_start: number, count: number) => `${"x".repeat(count - 1)}\n`);
  render(
    <TextDiff
      parts={parts(["=", "", 49_000_000], ["+", "d"])}
      quoted={false}
      before={undefined}
      after={after}
    />,
    host,
  );
  expect(folds()[0]?.title).toBe("Show 200,000 of them");
  folds()[0]?.click();
  await vi.waitFor(() => expect(folds()[0]?.textContent).toBe("… 48,800,000 characters unchanged …"));
  expect(after).toHaveBeenCalledTimes(1);
});

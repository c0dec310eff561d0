// The layout is mirrored where text runs from right to left: no style says left or right where it means start or end.
import { expect, it } from "vitest";

const files = import.meta.glob<string>("../src/**/*.css", { query: "?raw", import: "default", eager: true });
const SIDE =
  /^(?:(?:margin|padding|border|scroll-(?:margin|padding))-(?:left|right)\b|left:|right:|border-(?:top|bottom)-(?:left|right)-radius|(?:text-align|float|clear): (?:left|right))/;
const FOUR = /^(?:margin|padding|inset|border-(?:width|style|color)):\s*\S+\s+(\S+)\s+\S+\s+([^\s;]+);/;

/** What says left or right, but for lines that say why: a comment that begins with "physical". */
function physical(style: string): string[] {
  return style
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => !line.includes("/* physical"))
    .filter((line) => {
      const four = FOUR.exec(line);
      return SIDE.test(line) || (four !== null && four[1] !== four[2]);
    });
}

it("tells sides from starts and ends", () => {
  expect(physical("  margin-left: 1px;\n  left: 0; /* physical: drawn */\n  padding: 0 1px 0 2px;")).toEqual([
    "margin-left: 1px;",
    "padding: 0 1px 0 2px;",
  ]);
  expect(physical("  margin-inline-start: 1px;\n  padding: 1px 2px 3px 2px;\n  border-left: 0;")).toEqual([
    "border-left: 0;",
  ]);
});

it("names starts and ends", () => {
  expect(Object.keys(files).length).toBeGreaterThan(40);
  const found = Object.entries(files).flatMap(([file, style]) =>
    physical(style).map((line) => `${file}: ${line}`),
  );
  expect(found).toEqual([]);
});

import { expect, test } from "vitest";
import { ago, clock, elapsed } from "../src/view/format";

test("a step's duration is short, and gives way to a clock where it says little", () => {
  expect(elapsed(0.62)).toBe("+0.6 ms");
  expect(elapsed(12)).toBe("+12 ms");
  expect(elapsed(99.9)).toBe("+0.1 s");
  expect(elapsed(1240)).toBe("+1.2 s");
  expect(elapsed(59_999)).toBe("+1 min");
  expect(elapsed(3_600_000)).toBe(null);
  expect(elapsed(-5)).toBe(null);
  expect(elapsed(Number.NaN)).toBe(null);
});

test("a clock names the day where it is another one", () => {
  const noon = new Date(2026, 2, 2, 12, 5).getTime();
  expect(clock(noon, noon + 60_000)).toBe("12:05");
  expect(clock(noon, noon + 86_400_000)).toContain("12:05");
  expect(clock(noon, noon + 86_400_000)).not.toBe("12:05");
  expect(clock(Number.NaN)).toBe("");
});

test("activity is told as one says it", () => {
  const now = 1_000_000_000_000;
  expect(ago(now - 20_000, now)).toBe("just now");
  expect(ago(now - 5 * 60_000, now)).toBe("5 min ago");
  expect(ago(now - 3 * 3_600_000, now)).toBe("3 h ago");
  expect(ago(now - 50 * 3_600_000, now)).toBe("2 d ago");
  expect(ago(null)).toBe("");
});

import { expect, it } from "vitest";
import {
  ago,
  bytes,
  characters,
  clock,
  counted,
  duration,
  elapsed,
  place,
  thousands,
  timeOfDay,
  title,
} from "../src/lib/format";
import { shorten } from "../src/view/inspector/text";
import { callArguments } from "../src/view/inspector/value";

it.each([
  [0.42, "0.4 ms"],
  [180.4, "180 ms"],
  [1204, "1.2 s"],
  [59_960, "1 min"],
  [185_000, "3 min 5 s"],
  [7_440_000, "2 h 4 min"],
  [-3, "0 ms"],
])("says %d ms as %s", (ms, text) => expect(duration(ms)).toBe(text));

it("says bytes and counts", () => {
  expect([bytes(1), bytes(999), bytes(18_432), bytes(1_500_000)]).toEqual([
    "1 byte",
    "999 bytes",
    "18 KB",
    "1.5 MB",
  ]);
  expect([thousands(1), thousands(9900)]).toEqual(["1", "9,900"]);
});

it("gathers equal names and titles a checkpoint by what made it", () => {
  expect(counted(["worker", "tools", "worker"])).toEqual(["worker × 2", "tools"]);
  expect(title(["a", "b"], "loop", null)).toEqual(["a ∥ b", ""]);
  expect(title([], "input", null)).toEqual(["input", ""]);
  expect(title(["user"], "update", "user")).toEqual(["update", "as user"]);
  expect(title([], "fork", null)).toEqual(["fork", ""]);
});

it.each([
  ["plan", "", "plan"],
  ["reservation", "cabin", "reservation.cabin"],
  ["messages", "[3]", "messages[3]"],
  ["messages", "messages[3]", "messages[3]"],
])("places a change in %s at %j", (channel, path, text) => expect(place(channel, path)).toBe(text));

it("shows today's time without the date, and an unreadable time as it is", () => {
  const now = new Date(2026, 2, 2, 20);
  expect(timeOfDay(new Date(2026, 2, 2, 14, 2, 31).toISOString(), now)).toBe("14:02:31");
  expect(timeOfDay(new Date(2026, 1, 1, 4, 2, 31).toISOString(), now)).toBe("2026-02-01 04:02:31");
  expect(timeOfDay("yesterday", now)).toBe("yesterday");
});

it("counts characters as Python does", () => expect(characters("a🙂b")).toBe(3));

it("writes a tool call on one line", () => {
  const string = (text: string) => ({
    kind: "string" as const,
    type: "str",
    text,
    size: text.length,
    more: 0,
  });
  expect(
    callArguments([
      { key: "id", value: string("Z7") },
      { key: "seats", value: { kind: "list", type: "list", text: "[1,\n2]", size: 2, more: 0 } },
    ]),
  ).toBe('id="Z7", seats=[1, 2]');
  expect(callArguments([{ key: "q", value: string("x".repeat(60)) }])).toMatch(/^q="x{47}…"$/);
});

it("cuts long text between words, never inside a character", () => {
  expect(shorten("short text", 600)).toBe("short text");
  expect(shorten("word ".repeat(100), 52)).toBe("word ".repeat(10).trimEnd());
  const emoji = "🙂".repeat(100);
  expect(Array.from(shorten(emoji, 51)).every((one) => one === "🙂")).toBe(true);
});

it("a step's duration is short, and gives way to a clock where it says little", () => {
  expect(elapsed(0.62)).toBe("+0.6 ms");
  expect(elapsed(12)).toBe("+12 ms");
  expect(elapsed(99.9)).toBe("+0.1 s");
  expect(elapsed(1240)).toBe("+1.2 s");
  expect(elapsed(59_999)).toBe("+1 min");
  expect(elapsed(3_600_000)).toBe(null);
  expect(elapsed(-5)).toBe(null);
  expect(elapsed(Number.NaN)).toBe(null);
});

it("a clock names the day where it is another one", () => {
  const noon = new Date(2026, 2, 2, 12, 5).getTime();
  expect(clock(noon, noon + 60_000)).toBe("12:05");
  expect(clock(noon, noon + 86_400_000)).toContain("12:05");
  expect(clock(noon, noon + 86_400_000)).not.toBe("12:05");
  expect(clock(Number.NaN)).toBe("");
});

it("activity is told as one says it", () => {
  const now = 1_000_000_000_000;
  expect(ago(now - 20_000, now)).toBe("just now");
  expect(ago(now - 5 * 60_000, now)).toBe("5 min ago");
  expect(ago(now - 3 * 3_600_000, now)).toBe("3 h ago");
  expect(ago(now - 50 * 3_600_000, now)).toBe("2 d ago");
  expect(ago(null)).toBe("");
});

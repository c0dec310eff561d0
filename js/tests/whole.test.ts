// What a saved page does with whole values: cut, found, differed; equal ones are one object.
import { describe, expect, it } from "vitest";
import { help } from "../src/lib/keyboard";
import { still } from "../src/lib/still";
import type { ChangeView, DiffView, ValueNode } from "../src/protocol";
import { differ } from "../src/source/differ";
import { Parts } from "../src/source/parts";
import { cut, findPath, partAt, rawText, searchIn, type WholeNode } from "../src/source/whole";
import differences from "./recordings/differences.json";

interface Pair {
  pair: [unknown, unknown];
  parts: string[];
  diff: DiffView;
}

const text = (value: string): WholeNode => ({
  kind: "string",
  type: "str",
  text: value,
  size: value.length,
  more: 0,
});
const list = (...values: WholeNode[]): WholeNode => ({
  kind: "list",
  type: "list",
  text: "",
  size: values.length,
  more: values.length,
  items: values.map((value, i) => ({ key: String(i), value })),
});
const dict = (values: Record<string, WholeNode>): WholeNode => ({
  kind: "dict",
  type: "dict",
  text: "",
  size: Object.keys(values).length,
  more: Object.keys(values).length,
  items: Object.entries(values).map(([key, value]) => ({ key, value })),
});
const state = (values: Record<string, WholeNode>) =>
  new Map(Object.entries(values).map(([name, value]) => [name, { name, internal: false, value }]));

describe("parts", () => {
  it("puts a value together, equal parts as one object", () => {
    const parts = new Parts(['["a","b"]', '{"x":{"$":0}}', '[{"$":0},{"$":0}]']);
    expect(parts.of({ $: 1 })).toEqual({ x: ["a", "b"] });
    const [one, other] = parts.of<unknown[]>({ $: 2 });
    expect(one).toBe(other);
    expect(parts.of({ "+": { $: 2 } })).toEqual(["a", "b", "a", "b"]);
  });
});

describe("a whole value", () => {
  it("is cut to what a screen holds, and the rest is asked for", () => {
    const long = list(...Array.from({ length: 120 }, (_, i) => text(`n${i}`)));
    const shown = cut(long);
    expect([shown.items?.length, shown.more]).toEqual([50, 70]);
    const rest = cut(long, 100, 50);
    expect(rest.items?.map(({ key }) => key)).toEqual(Array.from({ length: 20 }, (_, i) => String(100 + i)));
    expect(rest.more).toBe(0);
    const said = cut(text("x".repeat(5_000)));
    expect([said.text.length, said.more]).toEqual([2_000, 3_000]);
  });

  it("is found in by path, and refuses a path that leads nowhere", () => {
    const value = dict({ a: list(text("here"), text("there")) });
    expect(partAt(value, [0, 1]).text).toBe("there");
    expect(() => partAt(value, [3])).toThrow("It is not in this page.");
    expect(findPath(value, "", "ther", "e")).toEqual([0, 1]);
    expect(findPath(value, "", "nowhere", "")).toBeNull();
  });

  it("is searched once, keys too", () => {
    const shared = text("a needle");
    const seen = new Set<WholeNode>();
    const found = [...searchIn(dict({ needles: list(shared, shared) }), "needle", seen)];
    expect(found).toEqual([
      { path: ".needles", text: "needles" },
      { path: ".needles[0]", text: "a needle" },
    ]);
    expect([...searchIn(list(shared), "needle", seen)]).toEqual([]);
  });

  it("is written as raw text after the id", () => {
    const raw = rawText('{\n  "id": "1",\n  "v": 4\n}', [{ name: "n", value: list(text("a")) }]);
    expect(JSON.parse(raw)).toEqual({ id: "1", channel_values: { n: ["a"] }, v: 4 });
  });
});

describe("two states that are no neighbours", () => {
  it("differ by key and position; what is one object is not opened", () => {
    const same = text("same");
    const before = state({ a: dict({ x: text("1"), y: same }), gone: text("x"), kept: same });
    const after = state({ a: dict({ x: text("2"), y: same }), new: text("y"), kept: same });
    const diff = differ(before, after, "c1", "c4");
    expect(
      diff.channels.map(({ channel, changes }) => [channel, changes.map((c) => [c.path, c.kind])]),
    ).toEqual([
      ["a", [[".x", "changed"]]],
      ["new", [["", "added"]]],
      ["gone", [["", "removed"]]],
    ]);
    expect([diff.before, diff.after, diff.unchanged]).toEqual(["c1", "c4", ["kept"]]);
  });

  it("give a message whole, by its id, with its words", () => {
    const message = (id: string, said: string): WholeNode => ({
      ...dict({ content: text(said) }),
      kind: "message",
      message: { role: "ai", id, text: said, name: null, tool_calls: [], blocks: [] } as never,
    });
    const kept = message("1", "a");
    const old = "what was said before, which is long enough to be read by its words";
    const now = old.replace("before", "after");
    const diff = differ(
      state({ m: list(kept, message("2", old)), t: text(old) }),
      state({ m: list(kept, message("2", now), message("3", "c")), t: text(now) }),
      null,
      null,
    );
    const [m, words] = diff.channels;
    expect([m?.summary, m?.changes.map((one) => [one.path, one.kind])]).toEqual([
      "one added, one changed",
      [
        ["#2", "changed"],
        ["#3", "added"],
      ],
    ]);
    const parts = (m?.changes[0]?.words ?? []).map(({ op, text }) => [op, text]);
    expect(parts).toEqual([
      ["=", "what was said "],
      ["-", "before"],
      ["+", "after"],
      ["=", ", which is long enough to be read by its words"],
    ]);
    expect(words?.summary).toBe("words changed");
  });

  it("keep what a list begins and ends with", () => {
    const [a, b, c] = [text("a"), text("b"), text("c")];
    const diff = differ(state({ l: list(a, c) }), state({ l: list(a, b, c) }), null, null);
    expect(diff.channels[0]?.changes.map((one) => [one.path, one.kind, one.after?.text])).toEqual([
      ["[1]", "added", "b"],
    ]);
  });
});

describe("any two values differ as Python tells it", () => {
  /** What is told of a change; its values are compared by their beginning, for both are cut to what a screen holds. */
  const told = ({ path, kind, before, after, words }: ChangeView) => [
    path,
    kind,
    before && [before.kind, before.type],
    after && [after.kind, after.type],
    words,
  ];
  const beginsAlike = (mine: ValueNode | null, pythons: ValueNode | null) => {
    const text = pythons?.text.slice(0, 60).replace(/…$/, "") ?? "";
    expect(mine?.text.slice(0, text.length) ?? "").toBe(text);
  };
  const numbers = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
  for (const { ask, say } of differences) {
    it(ask.params.pair as string, () => {
      const { pair, parts: table, diff } = (say[0] as { result: Pair }).result;
      const parts = new Parts(table);
      const [before, after] = pair.map((stored) => parts.of<WholeNode>(stored)) as [WholeNode, WholeNode];
      const found = differ(state({ x: before }), state({ x: after }), "c1", "c2");
      expect(found.channels.map(({ changes }) => changes.map(told))).toEqual(
        diff.channels.map(({ changes }) => changes.map(told)),
      );
      found.channels[0]?.changes.forEach((mine, i) => {
        const pythons = diff.channels[0]?.changes[i] as ChangeView;
        beginsAlike(mine.before, pythons.before);
        beginsAlike(mine.after, pythons.after);
        expect(mine.before_at).toEqual(pythons.before_at ?? mine.before_at);
        expect(mine.after_at).toEqual(pythons.after_at ?? mine.after_at);
      });
      const inWords = (text: string) => text.replace(/(?<!\d)\d(?!\d)/g, (n) => numbers[Number(n)] ?? n);
      expect(found.channels.map(({ summary }) => inWords(summary))).toEqual(
        diff.channels.map(({ summary }) => summary),
      );
      expect(found.unchanged).toEqual(diff.unchanged);
    });
  }
});

it("a copy that is only read names no key that acts", () => {
  still.value = true;
  const keys = help().map(([key]) => key);
  still.value = false;
  for (const key of ["f", "n", "m", "c"]) {
    expect(keys).not.toContain(key);
    expect(help().map(([one]) => one)).toContain(key);
  }
  expect(keys).toContain("/");
});

import { describe, expect, it, vi } from "vitest";
import {
  expandable,
  firstPosition,
  gather,
  type Load,
  MOST,
  messageFrom,
  TEXT_PAGE,
  textFrom,
} from "../src/lib/paging";
import type { ValueNode } from "../src/protocol";
import { message } from "./views";

function leaf(kind: ValueNode["kind"], text: string, more = 0): ValueNode {
  return { kind, type: kind, text, size: null, more };
}

function list(items: ValueNode[], more = 0, first = 0): ValueNode {
  return {
    ...leaf("list", "[…]", more),
    size: items.length + more + first,
    items: items.map((value, i) => ({ key: String(first + i), value })),
  };
}

describe("textFrom", () => {
  it("counts in Python's characters", async () => {
    const whole = "🙂".repeat(30_000);
    const symbols = Array.from(whole);
    const load: Load = vi.fn(async (_path, offset, limit) =>
      leaf("string", symbols.slice(offset, offset + limit).join("")),
    );
    expect(await textFrom(load, [1], 10, 29_990)).toBe(symbols.slice(10).join(""));
    expect(load).toHaveBeenNthCalledWith(1, [1], 10, TEXT_PAGE);
    expect(load).toHaveBeenNthCalledWith(2, [1], 10 + TEXT_PAGE, 9_990);
    expect(load).toHaveBeenCalledTimes(2);
  });
  it("ends when nothing more comes", async () => {
    expect(await textFrom(async () => leaf("string", ""), [], 2, 98)).toBe("");
  });
});

describe("messageFrom", () => {
  const view = message({ text: "abc", more: 3 });
  it("reads the content, a message's first child", async () => {
    const load: Load = async (path, offset, limit) => {
      expect(path).toEqual([4, 0]);
      return leaf("string", "abcdef".slice(offset, offset + limit));
    };
    expect(await messageFrom(load, [4], 3, 3)).toBe("def");
  });
  it("asks the message where its content is a list of blocks", async () => {
    const load: Load = async (path) =>
      path.length === 2
        ? list([])
        : { ...leaf("message", "ai: abc"), message: { ...view, text: "abcdef", more: 0 } };
    expect(await messageFrom(load, [4], 3, 3)).toBe("def");
  });
});

describe("gather", () => {
  it("writes a value as JSON, loading what was not sent", async () => {
    const load: Load = async (path, offset) =>
      path.length === 0
        ? list([leaf("number", "1"), leaf("string", "b…", 1), leaf("null", "None")].slice(offset))
        : leaf("string", "c");
    const node: ValueNode = { ...leaf("list", "[…]"), size: 3, more: 3 };
    expect(JSON.parse(await gather(node, load, []))).toEqual([1, "b…c", null]);
  });
  it("copies a string as it is, and what is no JSON as its text", async () => {
    expect(await gather(leaf("string", "two\nlines"), undefined, [])).toBe("two\nlines");
    expect(await gather(leaf("bool", "True"), undefined, [])).toBe("true");
    expect(await gather(leaf("array", "float64 (3, 4)"), undefined, [])).toBe("float64 (3, 4)");
  });
  it("keeps a number that JavaScript would change as text", async () => {
    expect(await gather(leaf("number", "12345678901234567890"), undefined, [])).toBe("12345678901234567890");
  });
  it("gives up on a value of very many parts", async () => {
    const many = list(Array.from({ length: MOST + 1 }, () => leaf("null", "None")));
    await expect(gather(many, undefined, [])).rejects.toThrow(/more than/);
  });
});

describe("expandable", () => {
  it("opens what holds more than its line", () => {
    expect(expandable(leaf("string", "short"), true)).toBe(false);
    expect(expandable(leaf("string", "two\nlines"), false)).toBe(true);
    expect(expandable(list([]), true)).toBe(false);
    expect(expandable({ ...leaf("dict", "{…}", 3), size: 3 }, true)).toBe(true);
    expect(expandable({ ...leaf("dict", "{…}", 3), size: 3 }, false)).toBe(false);
    expect(expandable(leaf("undecodable", "why"), true)).toBe(false);
  });
});

it("knows where a list that came with its end only begins", () => {
  expect(firstPosition(list([leaf("null", "None")], 0, 41))).toBe(41);
  expect(firstPosition({ ...list([]), kind: "dict" })).toBe(0);
});

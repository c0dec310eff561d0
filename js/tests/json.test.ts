import { describe, expect, it } from "vitest";
import { jsonError, objectError, readAs } from "../src/lib/json";

describe("jsonError", () => {
  it.each([
    '"a"',
    "3",
    "null",
    '[{"role": "user", "content": "NaN"}]',
    "NaN",
    "[-Infinity, 1]",
    ' {"a": 1}\n',
  ])("takes %s", (text) => expect(jsonError(text)).toBeNull());
  it("says what Python's words are in JSON", () => {
    expect(jsonError("True")).toBe("JSON writes true for Python's True.");
    expect(jsonError(" None ")).toBe("JSON writes null for Python's None.");
  });
  it("names the usual slips", () => {
    expect(jsonError("[{'a': 1}]")).toMatch(/double quotes/);
    expect(jsonError("[1, 2,]")).toMatch(/comma before a closing/);
    expect(jsonError("hello there")).toMatch(/double quotes around/);
    expect(jsonError("  ")).toMatch(/Type a value/);
  });
  it("does not take a word inside a string for one outside", () => {
    expect(jsonError('{"a": "it\'s Infinity", "b": }')).toMatch(/Not valid JSON/);
  });
  it("says where it breaks", () => {
    expect(jsonError('{\n  "a": 1\n  "b": 2\n}')).toBe("Not valid JSON at line 3, column 3.");
  });
});

describe("readAs", () => {
  it.each([
    ["", "nothing"],
    ["yes please", "text"],
    ['"yes"', "text"],
    ["true", "boolean"],
    ["12.5", "number"],
    ["null", "null"],
    ["[1]", "list"],
    ['{"type": "accept"}', "object"],
    ["{type: accept}", "text"],
  ])("reads %j as %s", (text, kind) => expect(readAs(text)).toBe(kind));
});

describe("objectError", () => {
  it("takes an object or nothing", () => {
    expect(objectError("")).toBeNull();
    expect(objectError('{"user": "ada"}')).toBeNull();
  });
  it("refuses what is no object", () => {
    expect(objectError("[1]")).toMatch(/is an object/);
    expect(objectError("{")).toMatch(/JSON/);
  });
});

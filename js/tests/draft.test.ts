import { describe, expect, it } from "vitest";
import { type Draft, fieldError, newDraft, obstacle, toRequest } from "../src/lib/draft";
import type { ForkField, ForkForm } from "../src/protocol";

const FOO: ForkField = {
  channel: "foo",
  reducer: null,
  current: "1",
  example: "",
  reason: null,
};
const BAR: ForkField = {
  channel: "bar",
  reducer: "add",
  current: '["a"]',
  example: '["b"]',
  reason: null,
};

function form(changes: Partial<ForkForm> = {}): ForkForm {
  return {
    checkpoint: "id-2",
    label: "c2",
    fields: [FOO, BAR],
    as_node: [
      { node: "a", next: ["b"], disabled: null, needs_values: false, goto: [] },
      { node: "b", next: [], disabled: null, needs_values: false, goto: ["a", "__end__"] },
      { node: "broken", next: [], disabled: "its router raised KeyError", needs_values: false, goto: [] },
    ],
    inferred: "a",
    siblings: [],
    configurable: "{}",
    ...changes,
  };
}

function written(draft: Draft, channel: string, mode: "append" | "set", text: string): Draft {
  const field = { ...(draft.fields[channel] as Draft["fields"][string]), mode, [mode]: text };
  return { ...draft, fields: { ...draft.fields, [channel]: field } };
}

describe("toRequest", () => {
  it("sends no channel that was not touched", () => {
    expect(toRequest(form(), newDraft(form())).values).toEqual({});
  });
  it("takes spaces for nothing written", () => {
    expect(toRequest(form(), written(newDraft(form()), "bar", "append", " \n")).values).toEqual({});
  });
  it("gives the documentation's own example", () => {
    const draft = written(written(newDraft(form()), "foo", "set", "2"), "bar", "append", '["b"]');
    expect(toRequest(form(), draft)).toEqual({
      checkpoint: "id-2",
      values: { foo: { mode: "append", text: "2" }, bar: { mode: "append", text: '["b"]' } },
      as_node: "a",
      goto: null,
      keep_siblings: false,
      note: null,
      configurable: "{}",
      sandbox: false,
    });
  });
  it("sends only the text of the chosen mode", () => {
    const both = written(written(newDraft(form()), "bar", "append", '["b"]'), "bar", "set", "[]");
    expect(toRequest(form(), both).values).toEqual({ bar: { mode: "set", text: "[]" } });
    const bar = { append: '["b"]', set: "[]", mode: "append" as const };
    const back = { ...both, fields: { ...both.fields, bar } };
    expect(toRequest(form(), back).values).toEqual({ bar: { mode: "append", text: '["b"]' } });
  });
  it("sends a goto only of the chosen node", () => {
    const draft = { ...newDraft(form()), goto: "__end__" };
    expect(toRequest(form(), { ...draft, asNode: "b" }).goto).toBe("__end__");
    expect(toRequest(form(), { ...draft, asNode: "a" }).goto).toBeNull();
  });
  it("keeps siblings only where there are some", () => {
    const draft = { ...newDraft(form()), keepSiblings: true };
    expect(toRequest(form(), draft).keep_siblings).toBe(false);
    expect(toRequest(form({ siblings: ["c"] }), draft).keep_siblings).toBe(true);
  });
});

describe("obstacle", () => {
  it("requires a node where LangGraph cannot tell", () => {
    const ambiguous = form({ inferred: null });
    const draft = newDraft(ambiguous);
    expect(obstacle(ambiguous, draft)).toMatch(/Choose the node/);
    expect(obstacle(ambiguous, { ...draft, asNode: "b" })).toBeNull();
  });
  it("requires a node where the inferred one is refused", () => {
    const draft = newDraft(form({ inferred: "broken" }));
    expect(draft.asNode).toBeNull();
  });
  it("names the channel whose text is no JSON", () => {
    const draft = written(newDraft(form()), "bar", "append", "['b']");
    expect(obstacle(form(), draft)).toBe("The value of bar is not valid JSON.");
    expect(fieldError(BAR, draft.fields.bar)).toMatch(/double quotes/);
    expect(fieldError(FOO, draft.fields.foo)).toBeNull();
  });
  it("checks configurable", () => {
    expect(obstacle(form(), { ...newDraft(form()), configurable: "[]" })).toMatch(/configurable/);
  });
});

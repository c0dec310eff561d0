// A start as it is written: what is wrong with it, and the request it makes.
import { expect, it } from "vitest";
import { asJson, BLANK, errorsOf, nextTurn, problemsOf, toStart, withGraph } from "../src/lib/start";
import type { FieldView, StartForm } from "../src/protocol";

const text = (name: string, value: string | null, more: Partial<FieldView> = {}): FieldView => ({
  name,
  kind: "text",
  hint: "",
  required: false,
  empty: "absent",
  value,
  options: [],
  fields: [],
  item: null,
  reason: null,
  ...more,
});
const object = (name: string, fields: FieldView[]): FieldView =>
  text(name, "{}", { kind: "object", required: true, fields });

const chat: StartForm = {
  thread_id: "thread-1",
  chat: "messages",
  input: object("input", [text("topic", null)]),
  context: object("context", [text("user", null, { required: true, empty: "needed" })]),
  configurable: "",
};

it("asks for a message, what is needed and a name", () => {
  const draft = { ...BLANK, thread: " ", configurable: "[1]" };
  const found = problemsOf(chat, draft);
  expect(found.map(({ channel, error }) => [channel, ...error.path])).toEqual([
    ["thread"],
    ["message"],
    ["context", "user"],
    ["configurable"],
  ]);
  expect(errorsOf(found, "message")[0]?.message).toBe("Write a message.");
});

it("sends the message apart from the fields, and either as one JSON", () => {
  const draft = {
    ...BLANK,
    message: "hi",
    input: object("input", [text("topic", "cats")]),
    context: object("context", [text("user", "Ann")]),
  };
  expect(problemsOf(chat, draft)).toEqual([]);
  expect(toStart(chat, draft, null)).toEqual({
    checkpoint: null,
    thread_id: "thread-1",
    message: "hi",
    input: '{"topic": "cats"}',
    context: '{"user": "Ann"}',
    configurable: null,
  });
  const json = asJson(chat, draft);
  expect(JSON.parse(json)).toEqual({ messages: [{ role: "user", content: "hi" }], topic: "cats" });
  expect(toStart(chat, { ...draft, json }, "c")).toMatchObject({
    message: null,
    input: json,
    checkpoint: "c",
  });
  expect(problemsOf(chat, { ...draft, json: "{" }).map(({ channel }) => channel)).toEqual(["input"]);
  expect(nextTurn(draft)).toEqual({ ...BLANK, context: draft.context });
});

it("gives one value to a function", () => {
  const form = { ...chat, chat: null, context: null, input: text("input", null, { empty: "null" }) };
  expect(toStart(form, BLANK, null)).toMatchObject({ message: null, input: "null", context: null });
  expect(asJson({ ...form, chat: "", input: null }, { ...BLANK, message: "a" })).toContain('"content": "a"');
});

it("keeps what is said for another graph of a server, and not what the first takes in", () => {
  const input = object("input", [text("topic", "tea")]);
  const draft = withGraph({ ...BLANK, thread: "t", message: "hi", input, configurable: "{}" }, "other");
  expect(draft).toEqual({ ...BLANK, thread: "t", message: "hi", graph: "other" });
  expect(toStart(chat, draft, null)).toMatchObject({ graph: "other", message: "hi" });
  expect(toStart(chat, BLANK, null)).not.toHaveProperty("graph");
});

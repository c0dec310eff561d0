// Watched expressions: asked one after another, over new rows alone, and again once what was wrong may be right.
import { afterEach, beforeEach, expect, test } from "vitest";
import { KernelSource } from "../src/source/kernel";
import { Store } from "../src/state/store";
import { Watching } from "../src/state/watch";
import { batchOf, Model, type RowSpec, settle } from "./kernel";

const row = (label: string, parent: number): RowSpec => ({
  label,
  parent,
  lane: 0,
  title: ["agent"],
  changed: ["messages"],
});
const ROWS = [row("c0", -1), row("c1", 0), row("c2", 1)];
const value = (at: number, number: number) => ({ row: at, text: `${number}`, number });
const found = (end: number, values: unknown[], more: object = {}) => ({
  values,
  end,
  left_out: 0,
  raised: null,
  ...more,
});

let model: Model;
let source: KernelSource;
let store: Store;
let watching: Watching;

beforeEach(async () => {
  model = new Model();
  source = new KernelSource(model);
  store = new Store(source);
  const opened = store.openThread("1");
  const { tree, buffers } = batchOf(ROWS);
  const thread = { thread_id: "1", count: ROWS.length, updated_at: null, status: "done" };
  const lineage = { origin: null, forks: [] };
  await model.answer("thread_open", { thread, tree, lineage, source: "", selected: null }, buffers);
  await opened;
  watching = new Watching(store);
});

afterEach(() => {
  watching.dispose();
  store.dispose();
});

async function grow(): Promise<void> {
  const { tree, buffers } = batchOf([...ROWS, row("c3", 2)]);
  const thread = { thread_id: "1", count: 4, updated_at: null, status: "done" };
  model.say({ event: "tree", body: { thread, tree, patches: [] } }, buffers);
  await settle();
}

test("one is asked after another, and what comes later is asked of the new rows alone", async () => {
  watching.add("len(messages)");
  watching.add("plan");
  watching.add("plan");
  await settle();
  expect([model.count("evaluate"), watching.watches.value.length]).toEqual([1, 2]);
  expect(model.request("evaluate").params).toEqual({ text: "len(messages)", start: 0 });
  model.say({ id: model.request("evaluate").id, progress: found(3, [value(2, 3)]) });
  expect([watching.at(2), watching.at(1)]).toEqual(["3", ""]);
  await model.answer("evaluate", found(3, [value(1, 2)]));
  expect(model.request("evaluate").params).toEqual({ text: "plan", start: 0 });
  await model.answer("evaluate", found(3, [value(2, 7)], { raised: { id: "id-c1", said: "KeyError" } }));
  expect([watching.at(2), watching.at(1)]).toEqual(["3 · 7", "2"]);
  expect(watching.watches.value[1]?.error.value).toBe("c1: KeyError");
  await grow();
  expect(model.request("evaluate").params).toEqual({ text: "len(messages)", start: 3 });
  await model.answer("evaluate", found(4, [value(3, 4)]));
  await model.answer("evaluate", found(4, []));
  expect([watching.at(3), watching.at(1), model.count("evaluate")]).toEqual(["4", "2", 4]);
});

test("what is refused says why, and is asked again of all rows once there are more", async () => {
  watching.add("later");
  await settle();
  const error = { code: "refused", cause: "'later' is no channel.", remedy: "" };
  model.say({ id: model.request("evaluate").id, error });
  await settle();
  expect(watching.watches.value[0]?.error.value).toBe("'later' is no channel.");
  expect(model.count("evaluate")).toBe(1);
  await grow();
  expect(model.request("evaluate").params).toEqual({ text: "later", start: 0 });
  await model.answer("evaluate", found(4, [value(3, 1)]));
  expect([watching.at(3), watching.watches.value[0]?.error.value]).toEqual(["1", null]);
});

test("taken away, it is not evaluated on; a kernel that is back is asked again", async () => {
  watching.add("slow");
  await settle();
  const { id } = model.request("evaluate");
  watching.remove(watching.watches.value[0] as never);
  expect(model.sent.at(-1)).toEqual({ cancel: id });
  watching.add("kept");
  await settle();
  source.lose("The kernel was restarted.");
  await settle();
  const asked = model.count("evaluate");
  source.lose(null);
  await settle();
  expect(model.count("evaluate")).toBe(asked + 1);
  expect(model.request("evaluate").params).toEqual({ text: "kept", start: 0 });
});

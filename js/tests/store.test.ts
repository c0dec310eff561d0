import { beforeEach, describe, expect, test } from "vitest";
import { decodeEarly } from "../src/source/columns";
import { KernelSource } from "../src/source/kernel";
import { type Shared, type SharedModel, Store } from "../src/state/store";
import { ViewState } from "../src/state/view";
import { batchOf, Model, ROWS, type RowSpec, settle } from "./kernel";

class Traits implements SharedModel {
  readonly values: Shared = { thread_id: null, selected: null, compared: null };
  readonly listeners = new Map<string, Set<() => void>>();
  get(name: keyof Shared): string | null {
    return this.values[name];
  }
  set(name: keyof Shared, value: string | null): void {
    if (this.values[name] === value) return;
    this.values[name] = value;
    for (const listener of this.listeners.get(name) ?? []) listener();
  }
  on(name: keyof Shared, listener: () => void): () => void {
    const listeners = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }
}

let model: Model;
let traits: Traits;
let store: Store;

beforeEach(() => {
  model = new Model();
  traits = new Traits();
  store = new Store(new KernelSource(model), traits);
});

function summary(thread_id = "1", count = ROWS.length) {
  return { thread_id, count, updated_at: null, status: "done" };
}

async function open(rows: readonly RowSpec[] = ROWS, thread_id = "1", extra: object = {}): Promise<void> {
  const opened = store.openThread(thread_id);
  await answerOpen(rows, thread_id, extra);
  await opened;
}

async function answerOpen(
  rows: readonly RowSpec[] = ROWS,
  thread_id = "1",
  extra: object = {},
): Promise<void> {
  const { tree, buffers } = batchOf(rows);
  const view = {
    source: "graph on SqliteSaver",
    lineage: { origin: null, forks: [] },
    topology: null,
    read_only: null,
    untrusted: false,
    selected: null,
    sandbox: null,
  };
  await model.answer("thread_open", { thread: summary(thread_id), tree, ...view, ...extra }, buffers);
}

describe("opening", () => {
  test("selects the newest checkpoint of the root namespace, and tells Python", async () => {
    await open();
    expect(store.phase.value).toBe("ready");
    expect(store.selected.value).toBe("id-c5");
    expect(store.selectedRow.value).toBe(9);
    expect(traits.values).toEqual({ thread_id: "1", selected: "id-c5", compared: null });
  });

  test("keeps what Python had selected, by id or label", async () => {
    traits.values.selected = "c2.2";
    traits.values.compared = "id-c1";
    await open();
    expect([store.selected.value, store.compared.value]).toEqual(["id-c2.2", "id-c1"]);
  });

  test("a thread without checkpoints is empty until its first one comes", async () => {
    await open([]);
    expect([store.phase.value, store.selected.value]).toEqual(["empty", null]);
    const { tree, buffers } = batchOf(ROWS.slice(0, 1));
    model.say({ event: "tree", body: { thread: summary("1", 1), tree, patches: [] } }, buffers);
    expect([store.phase.value, store.selected.value]).toEqual(["ready", "id-c0"]);
  });

  test("a failure is kept with its remedy, and the wanted thread for a retry", async () => {
    const opened = store.openThread("no");
    const error = { code: "not_found", cause: "There is no thread 'no'.", remedy: "Choose another." };
    model.say({ id: model.request("thread_open").id, error });
    await opened;
    expect(store.phase.value).toBe("failed");
    expect(store.failure.value).toMatchObject({ message: error.cause, remedy: error.remedy });
    expect(store.wanted).toBe("no");
  });

  test("the thread asked for last wins", async () => {
    const first = store.openThread("1");
    const { id } = model.request("thread_open");
    const second = store.openThread("2");
    expect(model.sent).toContainEqual({ cancel: id });
    await answerOpen(ROWS.slice(0, 3), "2");
    await Promise.all([first, second]);
    expect(store.thread.value?.thread_id).toBe("2");
    expect(store.tree.value.length).toBe(3);
  });

  test("follows Python to another thread, and not to its own", async () => {
    await open();
    expect(model.count("thread_open")).toBe(1);
    traits.set("thread_id", "2");
    expect(model.request("thread_open").params).toEqual({ thread_id: "2" });
    await answerOpen(ROWS.slice(0, 3), "2");
    expect(store.selected.value).toBe("id-c2");
    expect(model.count("thread_open")).toBe(2);
  });
});

describe("selection", () => {
  test("goes both ways", async () => {
    await open();
    store.select("id-c1");
    expect(traits.values.selected).toBe("id-c1");
    traits.set("selected", "c3");
    expect(store.selected.value).toBe("id-c3");
    traits.set("compared", "id-c1");
    expect(store.comparedRow.value).toBe(1);
  });

  test("comparing opens the diff; again, or with itself, ends it", async () => {
    await open();
    store.compare("id-c1");
    expect([store.compared.value, store.tab.value]).toEqual(["id-c1", "diff"]);
    store.compare("id-c1");
    expect(store.compared.value).toBe(null);
    store.compare("id-c5");
    expect(store.compared.value).toBe(null);
    store.compare("id-c1");
    store.select("id-c1");
    expect(store.compared.value).toBe(null);
  });

  test("a plain selection ends the comparison, here and in Python", async () => {
    await open();
    const newest = store.selected.value;
    store.compare("id-c1");
    expect(traits.values.compared).toBe("id-c1");
    store.select("id-c3");
    expect([store.selected.value, store.compared.value]).toEqual(["id-c3", null]);
    expect(traits.values).toMatchObject({ selected: "id-c3", compared: null });
    // The two branches stay beside each other until that is ended.
    expect(store.ends.value).toEqual(["id-c1", newest]);
    store.compare(null);
    expect(store.ends.value).toBe(null);
  });

  test("a comparison reads from the older to the newer, whichever was chosen first", async () => {
    await open();
    store.select("id-c1");
    store.compare("id-c4");
    expect(store.pair("id-c1", "id-c0")).toEqual(["id-c1", "id-c4"]);
    store.select("id-c4");
    store.compare("id-c1");
    expect(store.pair("id-c4", "id-c3")).toEqual(["id-c1", "id-c4"]);
    store.compare(null);
    expect(store.pair("id-c4", "id-c3")).toEqual(["id-c3", "id-c4"]);
  });

  test("walks what is shown, and unfolds what it is sent to", async () => {
    await open();
    const view = new ViewState(store);
    store.select("id-c3");
    view.toggle(2);
    view.walk(1);
    expect(store.selected.value).toBe("id-c2");
    view.walk(-1);
    expect(store.selected.value).toBe("id-c3");
    view.walk(Number.POSITIVE_INFINITY);
    expect(store.selected.value).toBe("id-c0");
    view.toParent();
    expect(store.selected.value).toBe("id-c0");
    view.toChild();
    expect(store.selected.value).toBe("id-c1");
    store.select("id-c2.2.1");
    expect(view.visible.value.positionOf(5)).toBeGreaterThan(0);
    view.dispose();
  });
});

test("walking with Shift compares with where the walk began", async () => {
  await open();
  const view = new ViewState(store);
  view.walk(1, true);
  expect([store.selected.value, store.compared.value]).toEqual(["id-c4", "id-c5"]);
  view.walk(1, true);
  expect([store.selected.value, store.compared.value]).toEqual(["id-c3", "id-c5"]);
  view.walk(-2, true);
  expect([store.selected.value, store.compared.value]).toEqual(["id-c5", null]);
  view.walk(-5, true);
  expect([store.selected.value, store.compared.value]).toEqual(["id-c5", null]);
  view.dispose();
});

describe("refreshing", () => {
  const more: RowSpec[] = [...ROWS, { label: "c6", parent: 9, lane: 1, title: ["tools"] }];

  test("takes in new rows and patches, one request at a time", async () => {
    await open();
    const before = store.revision.value;
    const refreshed = store.refresh();
    void store.refresh();
    expect(model.count("thread_refresh")).toBe(1);
    const { tree, buffers } = batchOf(more, 10);
    const patches = [{ row: 9, flags: 8, title: ["agent"], changed: ["plan"] }];
    model.say({ event: "tree", body: { thread: summary("1", 11), tree, patches } }, buffers);
    await model.answer("thread_refresh", summary("1", 11));
    await refreshed;
    expect(store.tree.value.length).toBe(11);
    expect(store.tree.value.flags[9]).toBe(8);
    expect(store.revision.value).toBeGreaterThan(before);
    expect(store.thread.value?.count).toBe(11);
    expect(store.selected.value).toBe("id-c5");
  });

  test("nothing new changes nothing", async () => {
    await open();
    const before = store.revision.value;
    const refreshed = store.refresh();
    await model.answer("thread_refresh", summary());
    await refreshed;
    expect(store.revision.value).toBe(before);
  });

  test("rows it missed make it read the thread anew, keeping the selection", async () => {
    await open();
    store.select("id-c1");
    const { tree, buffers } = batchOf([...more, { label: "c7", parent: 10 }], 11);
    model.say({ event: "tree", body: { thread: summary("1", 12), tree, patches: [] } }, buffers);
    expect(model.count("thread_open")).toBe(2);
    await answerOpen(more);
    expect([store.tree.value.length, store.selected.value]).toEqual([11, "id-c1"]);
  });

  test("another thread's event is not ours", async () => {
    await open();
    const { tree, buffers } = batchOf(more, 10);
    model.say({ event: "tree", body: { thread: summary("2", 11), tree, patches: [] } }, buffers);
    expect(store.tree.value.length).toBe(10);
  });
});

describe("a sandbox", () => {
  const sandbox = {
    thread_id: "1",
    start: "id-c2",
    label: "c2",
    checkpoints: 1,
    memory: "",
    changes: { changes: [], total: 0 },
    warnings: [],
  };
  const held: RowSpec[] = [...ROWS, { label: "s1", parent: 4 }];

  test("that is open is there again after a reload", async () => {
    await open(held, "1", { sandbox });
    expect(store.sandbox.value).toEqual(sandbox);
  });

  test("kept is read anew, under the new labels, and what was selected stays", async () => {
    await open(held, "1", { sandbox });
    store.select("id-s1");
    const kept = store.keepSandbox(false);
    expect(model.request("sandbox_keep").params).toEqual({ overwrite: false });
    model.say({ event: "sandbox", body: { sandbox: null } });
    expect(model.count("thread_open")).toBe(2);
    await answerOpen(held);
    await model.answer("sandbox_keep", { kept: 1, conflicts: { changes: [], total: 0 } });
    expect(await kept).toBe(null);
    expect([store.sandbox.value, store.selected.value]).toEqual([null, "id-s1"]);
  });

  test("discarded leaves the checkpoint that it began at selected", async () => {
    await open(held, "1", { sandbox });
    store.select("id-s1");
    void store.discardSandbox();
    model.say({ event: "sandbox", body: { sandbox: null } });
    await answerOpen();
    expect([store.tree.value.length, store.selected.value]).toEqual([10, "id-c2"]);
  });

  test("tells which memories it would write over", async () => {
    await open(held, "1", { sandbox });
    const kept = store.keepSandbox(false);
    const conflicts = { changes: [], total: 2 };
    await model.answer("sandbox_keep", { kept: 0, conflicts });
    expect(await kept).toEqual(conflicts);
    expect(store.sandbox.value).toEqual(sandbox);
  });
});

describe("runs", () => {
  test("are followed by events, and end at their last checkpoint", async () => {
    await open();
    const done = store.runHere();
    expect(model.request("run_start").params).toMatchObject({ checkpoint: "id-c5", resume: null });
    model.say({
      event: "run",
      body: { run: 4, status: "running", nodes: ["tools"], checkpoint: null, error: null },
    });
    expect(store.running.value).toMatchObject({ run: 4, nodes: ["tools"] });
    void store.stop();
    expect(model.request("run_stop").params).toEqual({ run: 4 });
    await model.answer("run_start", {
      run: 4,
      status: "stopped",
      nodes: [],
      checkpoint: "id-c6",
      error: null,
    });
    await model.answer("thread_refresh", summary());
    await done;
    // A word that comes late does not revive it.
    model.say({
      event: "run",
      body: { run: 4, status: "stopping", nodes: [], checkpoint: null, error: null },
    });
    expect(store.running.value).toBe(null);
    expect(store.selected.value).toBe("id-c6");
  });

  test("do not take away what someone selected meanwhile", async () => {
    await open();
    const done = store.runHere();
    store.select("id-c1");
    await model.answer("run_start", { run: 5, status: "done", nodes: [], checkpoint: "id-c6", error: null });
    await model.answer("thread_refresh", summary());
    await done;
    expect(store.selected.value).toBe("id-c1");
  });

  test("a refusal is said", async () => {
    await open();
    const done = store.runHere();
    const error = { code: "refused", cause: "c5 has no next node.", remedy: "Fork it." };
    model.say({ id: model.request("run_start").id, error });
    expect(await done).toBe(null);
    expect(store.notice.value).toMatchObject({ message: error.cause });
  });

  test("read-only sources refuse to fork, with the reason", async () => {
    await open(ROWS, "1", { read_only: "checkpoints.db is opened read-only." });
    store.openFork();
    expect(store.panel.value).toBe(null);
    expect(store.notice.value?.message).toBe("checkpoints.db is opened read-only.");
  });
});

describe("marks", () => {
  test("words are asked once for each state of a row", async () => {
    await open();
    const view = new ViewState(store);
    void view.askMarks([9]);
    await model.answer("rows_marks", [{ id: "id-c5", interrupt: "approve?", error: null, note: null }]);
    await view.askMarks([9]);
    expect(model.count("rows_marks")).toBe(1);
    expect(view.marks.value.get("id-c5")?.interrupt).toBe("approve?");
    store.tree.value.patch({ row: 9, flags: 24, title: [], changed: [] });
    void view.askMarks([9]);
    expect(model.count("rows_marks")).toBe(2);
    view.dispose();
  });
});

describe("search", () => {
  const hit = (row: number) => ({
    id: `id-${ROWS[row]?.label}`,
    row,
    where: "messages[0]",
    before: "",
    match: "x",
    after: "",
  });

  test("gathers hits while they come, each once", async () => {
    await open();
    const view = new ViewState(store);
    void view.search.start("x");
    const { id } = model.request("search");
    model.say({ id, progress: { hits: [hit(1)], done: 5, total: 10 } });
    expect([view.search.hits.value.length, view.search.busy.value]).toEqual([1, true]);
    model.say({ id, result: { hits: [hit(1), hit(9)], done: 10, total: 10 } });
    await settle();
    expect(view.search.hits.value.map((one) => one.row)).toEqual([1, 9]);
    expect(view.search.rows.value).toEqual(new Set([1, 9]));
    expect(view.search.busy.value).toBe(false);
    view.dispose();
  });

  test("clearing cancels in the kernel and forgets", async () => {
    await open();
    const view = new ViewState(store);
    const searching = view.search.start("x");
    const { id } = model.request("search");
    model.say({ id, progress: { hits: [hit(1)], done: 5, total: 10 } });
    view.search.clear();
    await searching;
    expect(model.sent).toContainEqual({ cancel: id });
    expect([view.search.hits.value.length, view.search.query.value, view.search.busy.value]).toEqual([
      0,
      "",
      false,
    ]);
    expect(store.notice.value).toBe(null);
  });
});

describe("what came before the kernel was asked", () => {
  const rest = {
    source: "s",
    lineage: { origin: null, forks: [] },
    topology: null,
    read_only: null,
    untrusted: false,
    selected: "id-c5",
    sandbox: null,
    breakpoints: { before: [], after: [] },
  };
  function early(rows: readonly RowSpec[], start: number) {
    const { tree, buffers } = batchOf(rows, start);
    const checkpoint = { id: "id-c5", label: "c5" } as never;
    return decodeEarly({ thread: { thread: summary() as never, tree, ...rest }, checkpoint }, buffers);
  }

  test("is shown at once, and then what the kernel answers", async () => {
    store.showEarly(early(ROWS, 7));
    expect(store.tree.value.labels).toEqual(["c3", "c4", "c5"]);
    expect([...store.tree.value.parent.slice(0, 3)]).toEqual([-1, -1, 1]);
    expect([store.early.value, store.selected.value]).toEqual([true, "id-c5"]);
    expect(store.source.known?.("checkpoint_get", { checkpoint: "id-c5" })).toMatchObject({ label: "c5" });
    const opened = store.openThread("1");
    expect(store.tree.value.length).toBe(3);
    await answerOpen();
    await opened;
    expect(store.tree.value.length).toBe(ROWS.length);
    expect([store.early.value, store.phase.value, store.selected.value]).toEqual([false, "ready", "id-c5"]);
    store.showEarly(early(ROWS, 8));
    expect(store.tree.value.length).toBe(ROWS.length);
  });

  test("stays while the kernel is silent, and the thread is opened once it answers", async () => {
    store = new Store(new KernelSource(model, 5), traits);
    store.showEarly(early(ROWS, 7));
    await store.openThread("1");
    expect([store.phase.value, store.gone.value, store.tree.value.length]).toEqual(["ready", true, 3]);
    const again = store.refresh();
    await answerOpen();
    await again;
    expect([store.early.value, store.gone.value, store.tree.value.length]).toEqual([
      false,
      false,
      ROWS.length,
    ]);
  });
});

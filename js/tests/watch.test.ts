// What a kernel's end looks like to a debugger, whatever of it the front end tells.
import { describe, expect, it, vi } from "vitest";
import type { ProtocolError } from "../src/source/error";
import { KernelSource } from "../src/source/kernel";
import { type WatchedModel, watchKernel } from "../src/source/watch";
import { Store } from "../src/state/store";
import { batchOf, Model, ROWS, settle } from "./kernel";

class Signal<T> {
  readonly slots = new Set<(sender: unknown, args: T) => void>();
  connect = (slot: (sender: unknown, args: T) => void) => void this.slots.add(slot);
  disconnect = (slot: (sender: unknown, args: T) => void) => void this.slots.delete(slot);
  emit(args: T): void {
    for (const slot of [...this.slots]) slot(this, args);
  }
}

/** A front end: with JupyterLab's kernel, or with what every widget manager has. */
function frontEnd(kind: "lab" | "plain" | "bare") {
  const inner = { comm_live: true };
  const kernel = {
    statusChanged: new Signal<string>(),
    connectionStatusChanged: new Signal<string>(),
    disposed: new Signal<unknown>(),
    requestCommInfo: vi.fn(async () => ({ content: { comms: { "id-1": {} } as object } })),
  };
  const listeners = new Set<() => void>();
  const manager = { get_model: async () => inner, ...(kind === "lab" ? { kernel } : {}) };
  const model: WatchedModel = {
    get: () => "id-1",
    on: (_event, listener) => void listeners.add(listener),
    off: (_event, listener) => void listeners.delete(listener),
    ...(kind === "bare" ? {} : { widget_manager: manager }),
  };
  const live = (is: boolean) => {
    inner.comm_live = is;
    for (const listener of [...listeners]) listener();
  };
  const source = new KernelSource(new Model());
  return { inner, kernel, model, live, source, listeners };
}

describe("a kernel", () => {
  it.each([
    ["restarting", "The kernel was restarted: run the cell again to go on."],
    ["autorestarting", "The kernel died and was restarted: run the cell again to go on."],
    ["dead", "The kernel died: restart it and run the cell again to go on."],
    ["terminating", "The kernel was shut down: start it and run the cell again to go on."],
  ])("that is %s is gone, also once it answers again and to a display made later", async (status, said) => {
    const { kernel, model, source } = frontEnd("lab");
    watchKernel(model, source);
    await settle();
    expect(source.lost.value).toBeNull();
    for (const other of ["busy", "idle", "starting"]) kernel.statusChanged.emit(other);
    expect(source.lost.value).toBeNull();
    kernel.statusChanged.emit(status);
    expect(source.lost.value).toBe(said);
    kernel.statusChanged.emit("idle");
    expect(source.lost.value).toBe(said);
    const later = new KernelSource(new Model());
    watchKernel(model, later);
    await settle();
    expect(later.lost.value).toBe(said);
  });

  it("that is out of reach is back once connected", async () => {
    const { kernel, model, source } = frontEnd("lab");
    watchKernel(model, source);
    kernel.connectionStatusChanged.emit("disconnected");
    expect(source.lost.value).toContain("The connection to the kernel is lost");
    kernel.connectionStatusChanged.emit("connected");
    await settle();
    expect(source.lost.value).toBeNull();
  });

  it("that was restarted while out of reach no longer knows the widget", async () => {
    const { kernel, model, source } = frontEnd("lab");
    watchKernel(model, source);
    await settle();
    kernel.connectionStatusChanged.emit("disconnected");
    kernel.requestCommInfo.mockResolvedValue({ content: { comms: {} } });
    kernel.connectionStatusChanged.emit("connected");
    await settle();
    expect(source.lost.value).toContain("was restarted");
  });

  it("that is another one now is gone", async () => {
    const { kernel, model, source } = frontEnd("lab");
    watchKernel(model, source);
    await settle();
    kernel.disposed.emit(undefined);
    expect(source.lost.value).toContain("shut down");
  });

  it("is told by the comm where the front end tells nothing else", async () => {
    const { live, model, source, listeners } = frontEnd("plain");
    const unwatch = watchKernel(model, source);
    await settle();
    live(false);
    expect(source.lost.value).toContain("was restarted");
    live(true);
    expect(source.lost.value).toBeNull();
    unwatch();
    expect(listeners.size).toBe(0);
  });

  it("that a saved widget never had is said", async () => {
    const { inner, model, source } = frontEnd("plain");
    inner.comm_live = false;
    watchKernel(model, source);
    await settle();
    expect(source.lost.value).toContain("has no kernel");
  });

  it("is taken to be there where nothing is known", async () => {
    const { model, source } = frontEnd("bare");
    watchKernel(model, source);
    await settle();
    expect(source.lost.value).toBeNull();
  });
});

describe("a debugger whose kernel is gone", () => {
  async function opened() {
    const model = new Model();
    const source = new KernelSource(model);
    const store = new Store(source);
    const opening = store.openThread("t1");
    const { tree, buffers } = batchOf(ROWS);
    const thread = { thread_id: "t1", count: 4, updated_at: null, status: "running" as const };
    const lineage = { origin: null, forks: [] };
    const rest = { source: "s", lineage, topology: null, read_only: null, selected: null, sandbox: null };
    await model.answer("thread_open", { thread, tree, ...rest }, buffers);
    await opening;
    return { model, source, store };
  }

  it("keeps its rows and what was loaded, and asks nothing more", async () => {
    const { model, source, store } = await opened();
    const seen = source.request("checkpoint_get", { checkpoint: "id-c1" });
    await model.answer("checkpoint_get", { id: "id-c1" });
    await seen;
    const waiting = source.request("checkpoint_get", { checkpoint: "id-c2" });
    const failed = expect(waiting).rejects.toMatchObject({ code: "gone" });
    const again = source.request("checkpoint_get", { checkpoint: "id-c1" });
    const run = store.runHere();
    source.lose("Gone: run it again.");
    await failed;
    expect(await again).toEqual({ id: "id-c1" });
    expect(await run).toBeNull();
    expect(store.running.value).toBeNull();
    expect(store.readOnly.value).toBe("Gone: run it again.");
    expect(store.tree.value.length).toBe(ROWS.length);
    store.select("id-c1");
    expect(store.selected.value).toBe("id-c1");
    const sent = model.sent.length;
    expect(await source.request("checkpoint_get", { checkpoint: "id-c1" })).toEqual({ id: "id-c1" });
    const refused: ProtocolError = await source.request("raw_get", { checkpoint: "id-c1" }).catch((e) => e);
    expect(refused.message).toBe("This was not loaded: it needs the kernel.");
    await store.refresh();
    store.openFork();
    store.report(refused);
    expect(store.panel.value).toBeNull();
    expect(store.notice.value).toBeNull();
    expect(model.sent.length).toBe(sent);
  });

  it("stays on its thread where another one was never loaded, and says so", async () => {
    const { source, store } = await opened();
    source.lose("Gone.");
    await store.openThread("other");
    expect(store.phase.value).toBe("ready");
    expect(store.thread.value?.thread_id).toBe("t1");
    expect(store.notice.value?.message).toContain("needs the kernel");
  });

  it("is told once where a message cannot even be sent", async () => {
    const { model, source } = await opened();
    model.send = () => {
      throw new Error("Cannot send");
    };
    await expect(source.request("checkpoint_get", { checkpoint: "id-c3" })).rejects.toMatchObject({
      code: "gone",
    });
    expect(source.lost.value).toContain("run the cell again");
  });

  it("is live again once the kernel is", async () => {
    const { model, source, store } = await opened();
    source.lose("Out of reach.");
    source.lose(null);
    expect(store.readOnly.value).toBeNull();
    const seen = source.request("checkpoint_get", { checkpoint: "id-c1" });
    await model.answer("checkpoint_get", { id: "id-c1" });
    expect(await seen).toEqual({ id: "id-c1" });
  });
});

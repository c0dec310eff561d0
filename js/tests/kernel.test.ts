import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ProtocolError } from "../src/source/error";
import { KernelSource } from "../src/source/kernel";
import { batchOf, Model, ROWS } from "./kernel";

let model: Model;
let source: KernelSource;

beforeEach(() => {
  vi.useFakeTimers();
  model = new Model();
  source = new KernelSource(model, 1000);
});
afterEach(() => {
  vi.useRealTimers();
});

describe("KernelSource", () => {
  test("a reply reaches the request of its id, others do not", async () => {
    const first = source.request("raw_get", { checkpoint: "a" });
    const second = source.request("raw_get", { checkpoint: "b" });
    const [one, two] = model.sent;
    expect(one).toEqual({ id: expect.any(Number), method: "raw_get", params: { checkpoint: "a" } });
    model.say({ id: two.id, result: "B" });
    model.say({ id: 12345, result: "somebody else's" });
    model.say("noise");
    model.say({ id: one.id, result: "A" });
    expect(await Promise.all([first, second])).toEqual(["A", "B"]);
  });

  test("views of one model do not hear each other's answers", async () => {
    const other = new KernelSource(model);
    const mine = source.request("raw_get", { checkpoint: "a" });
    const theirs = other.request("raw_get", { checkpoint: "a" });
    expect(model.sent[0].id).not.toBe(model.sent[1].id);
    model.say({ id: model.sent[0].id, result: "mine" });
    model.say({ id: model.sent[1].id, result: "theirs" });
    expect([await mine, await theirs]).toEqual(["mine", "theirs"]);
  });

  test("columns are decoded whatever their buffers' offsets", async () => {
    const asked = source.request("thread_open", { thread_id: null });
    const { tree, buffers } = batchOf(ROWS);
    expect(buffers.every((view) => view.byteOffset % 2 === 1)).toBe(true);
    const thread = { thread_id: "1", count: 10, updated_at: null, status: "done" };
    model.say({ id: model.sent[0].id, result: { thread, tree } }, buffers);
    const opened = await asked;
    expect(opened.tree.parent).toBeInstanceOf(Int32Array);
    expect([...opened.tree.parent]).toEqual(ROWS.map((row) => row.parent));
    expect([...opened.tree.flags]).toEqual(ROWS.map((row) => row.flags ?? 0));
    expect(opened.tree.time.every(Number.isNaN)).toBe(true);
  });

  test("a missing buffer fails the request, not the page", async () => {
    const asked = source.request("thread_open", { thread_id: null });
    const { tree } = batchOf(ROWS);
    model.say({ id: model.sent[0].id, result: { tree } }, []);
    await expect(asked).rejects.toMatchObject({
      code: "internal",
      message: expect.stringContaining("buffer"),
    });
  });

  test("an error envelope becomes a ProtocolError with its remedy", async () => {
    const asked = source.request("thread_open", { thread_id: "no" });
    const error = { code: "not_found", cause: "There is no thread 'no'.", remedy: "Choose another." };
    model.say({ id: model.sent[0].id, error });
    const failure = await asked.catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(ProtocolError);
    expect(failure).toMatchObject({ code: "not_found", message: error.cause, remedy: error.remedy });
  });

  test("progress comes before the answer and nothing after it", async () => {
    const told: unknown[] = [];
    const asked = source.request(
      "search",
      { query: "x" },
      { onProgress: (progress) => told.push(progress.done) },
    );
    const { id } = model.sent[0];
    model.say({ id, progress: { hits: [], done: 1, total: 3 } });
    model.say({ id, progress: { hits: [], done: 2, total: 3 } });
    model.say({ id, result: { hits: [], done: 3, total: 3 } });
    model.say({ id, progress: { hits: [], done: 9, total: 3 } });
    expect((await asked).done).toBe(3);
    expect(told).toEqual([1, 2]);
  });

  test("aborting cancels in the kernel and rejects at once; its late answer is nobody's", async () => {
    const abort = new AbortController();
    const asked = source.request("search", { query: "x" }, { signal: abort.signal });
    const { id } = model.sent[0];
    abort.abort();
    await expect(asked).rejects.toMatchObject({ code: "cancelled" });
    expect(model.sent[1]).toEqual({ cancel: id });
    model.say({ id, result: {} });
    await expect(source.request("search", { query: "x" }, { signal: abort.signal })).rejects.toMatchObject({
      code: "cancelled",
    });
    expect(model.sent.length).toBe(2);
  });

  test("a silent kernel is said to be silent; one that reports progress is not", async () => {
    const silent = source.request("raw_get", { checkpoint: "a" });
    const failed = expect(silent).rejects.toMatchObject({
      code: "no_answer",
      remedy: expect.stringContaining("restart"),
    });
    await vi.advanceTimersByTimeAsync(1001);
    await failed;
    const talking = source.request("checkpoint_get", { checkpoint: "a" });
    const { id } = model.sent[1];
    for (let i = 0; i < 5; i++) {
      await vi.advanceTimersByTimeAsync(800);
      model.say({ id, progress: i });
    }
    model.say({ id, result: "at last" });
    expect(await talking).toBe("at last");
  });

  test("a run may be silent for as long as its node takes", async () => {
    const run = source.request("run_start", {
      checkpoint: "a",
      resume: null,
      until: null,
      configurable: null,
      sandbox: false,
    });
    await vi.advanceTimersByTimeAsync(3_600_000);
    model.say({ id: model.sent[0].id, result: { run: 1, status: "done" } });
    expect((await run).status).toBe("done");
  });

  test("events reach their listeners until these stop", () => {
    const heard: unknown[] = [];
    const stop = source.on("run", (run) => heard.push(run.run));
    model.say({ event: "run", body: { run: 1 } });
    stop();
    model.say({ event: "run", body: { run: 2 } });
    model.say({ event: "unknown", body: {} });
    expect(heard).toEqual([1]);
  });

  test("a disposed view cancels what it reads, lets a run go on, and stops listening", async () => {
    const reading = expect(source.request("search", { query: "x" })).rejects.toMatchObject({
      code: "cancelled",
    });
    const running = expect(
      source.request("run_start", {
        checkpoint: "a",
        resume: null,
        until: null,
        configurable: null,
        sandbox: false,
      }),
    ).rejects.toMatchObject({ code: "cancelled" });
    source.dispose();
    await Promise.all([reading, running]);
    expect(model.sent.slice(2)).toEqual([{ cancel: model.sent[0].id }]);
    expect(model.listeners.size).toBe(0);
  });
});

// A source made of generated rows, to look at the front end without Python.
import type { RowMarks, SearchHit, ThreadSummary } from "../src/protocol";
import { Mark } from "../src/protocol";
import { ProtocolError } from "../src/source/error";
import type {
  EventBody,
  EventName,
  Method,
  Params,
  RequestOptions,
  Result,
  Source,
  TreeRows,
} from "../src/source/types";
import { inspectorAnswer } from "./fake-inspector";
import { FakeMemory } from "./fake-memory";

interface Row {
  label: string;
  parent: number;
  lane: number;
  depth: number;
  time: number;
  flags: number;
  title: string[];
  changed: string[];
  words?: Partial<RowMarks>;
}

const START = Date.now() - 26 * 60_000;

/** Lanes as analysis/lanes.py gives them. */
class Lanes {
  readonly #last: number[] = [];
  readonly #holder: number[] = [];
  lane(row: number, parent: number, parentLane: number): number {
    if (parent < 0 || this.#holder[parentLane] === parent)
      return this.#hold(parent < 0 ? 0 : parentLane, row);
    let lane = 0;
    while (this.#last[lane] !== undefined && (this.#last[lane] as number) > parent) lane++;
    return this.#hold(lane, row);
  }
  #hold(lane: number, row: number): number {
    this.#last[lane] = row;
    this.#holder[lane] = row;
    return lane;
  }
}

class Builder {
  readonly rows: Row[] = [];
  readonly #lanes = new Lanes();
  #n = 0;
  #clock = START;
  add(
    parent: number,
    title: string[],
    changed: string[],
    options: Partial<Row> & { ms?: number } = {},
  ): number {
    const row = this.rows.length;
    const { ms = 900, ...rest } = options;
    this.#clock += ms;
    const lane = this.#lanes.lane(row, parent, parent < 0 ? 0 : (this.rows[parent] as Row).lane);
    this.rows.push({
      label: `c${this.#n++}`,
      parent,
      lane,
      depth: 0,
      time: this.#clock,
      flags: 0,
      title,
      changed,
      ...rest,
    });
    return row;
  }
  inner(parent: number, anchor: number, title: string[], changed: string[]): number {
    const home = this.rows[anchor] as Row;
    const k = this.rows.filter((row) => row.label.startsWith(`${home.label}.`)).length + 1;
    this.#clock += 240;
    this.rows.push({
      label: `${home.label}.${k}`,
      parent,
      lane: home.lane,
      depth: home.depth + 1,
      time: this.#clock,
      flags: 0,
      title,
      changed,
    });
    return this.rows.length - 1;
  }
}

/** The thread of the design's picture. */
function trip(): Row[] {
  const b = new Builder();
  const c0 = b.add(-1, [], ["messages"], { flags: Mark.INPUT });
  const c1 = b.add(c0, ["__start__"], ["messages"], { ms: 12 });
  const c2 = b.add(c1, ["agent"], ["messages", "plan"], { ms: 1400 });
  b.add(c2, ["agent"], ["messages"], { ms: 1000 });
  const c4 = b.add(c2, ["agent"], ["messages"], { ms: 900 });
  const c5 = b.add(c4, ["tools"], ["messages", "reservation"], { ms: 300 });
  let sub = b.inner(c5, c5, [], []);
  (b.rows[sub] as Row).flags = Mark.INPUT;
  sub = b.inner(sub, c5, ["judge"], ["score"]);
  b.inner(sub, c5, ["revise"], ["draft"]);
  const c6 = b.add(c5, ["critic"], ["plan"], { ms: 2000 });
  const c7 = b.add(c6, ["search_fares", "search_seats"], ["fares", "seats"], { ms: 800 });
  const c8 = b.add(c7, ["user"], ["messages"], {
    flags: Mark.INTERRUPT | Mark.ANSWERED,
    words: { interrupt: "Which seat?" },
    ms: 64_000,
  });
  const c9 = b.add(c8, ["agent"], ["messages", "reservation", "plan"], {
    flags: Mark.INTERRUPT | Mark.PENDING,
    words: { interrupt: "Upgrade to business for $412?" },
    ms: 1200,
  });
  const c10 = b.add(c9, ["user"], ["messages"], {
    flags: Mark.UPDATE | Mark.NOTE,
    words: { note: "ask for the price first" },
    ms: 180_000,
  });
  b.add(c10, ["agent"], ["messages", "plan"], {
    flags: Mark.ERROR,
    words: { error: "tools failed: ToolError" },
    ms: 1300,
  });
  const c12 = b.add(c9, ["agent"], ["messages"], { ms: 1100 });
  b.add(
    c12,
    ["worker", "worker", "worker", "tools"],
    ["messages", "reservation", "fares", "seats", "baggage"],
    { ms: 400 },
  );
  return b.rows;
}

/** A long thread: turns of a chat with forks now and then. */
function chat(size: number): Row[] {
  const b = new Builder();
  let seed = 7;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };
  const heads: number[] = [b.add(-1, [], ["messages"], { flags: Mark.INPUT })];
  for (let i = 1; i < size; i++) {
    const which = random() < 0.93 ? heads.length - 1 : Math.floor(random() * heads.length);
    let parent = heads[which] as number;
    if (random() < 0.02) {
      for (let back = 0; back < 6 && (b.rows[parent] as Row).parent >= 0; back++)
        parent = (b.rows[parent] as Row).parent;
      heads.push(b.add(parent, ["agent"], ["messages"], { flags: Mark.UPDATE, ms: 5000 }));
      if (heads.length > 5) heads.shift();
      continue;
    }
    const step = i % 3;
    const title = step === 0 ? ["__start__"] : step === 1 ? ["agent"] : ["tools"];
    const flags = random() < 0.004 ? Mark.ERROR : random() < 0.006 ? Mark.INTERRUPT : 0;
    heads[which] = b.add(parent, title, step === 2 ? ["messages", "reservation"] : ["messages"], {
      flags,
      ms: 200 + random() * 2000,
      words: { error: "tools failed: TimeoutError", interrupt: "approve?" },
    });
  }
  return b.rows;
}

/** Many short branches of one checkpoint, as a sweep makes them. */
function sweep(size: number): Row[] {
  const b = new Builder();
  const root = b.add(-1, [], ["x"], { flags: Mark.INPUT });
  for (let i = 0; i < size; i++) {
    const fork = b.add(root, ["agent"], ["x"], { flags: Mark.UPDATE, ms: 40 });
    b.add(b.add(fork, ["score"], ["y"], { ms: 30 }), ["report"], ["z"], { ms: 30 });
  }
  return b.rows;
}

function columns(rows: Row[], start: number): TreeRows {
  const part = rows.slice(start);
  const titles: string[][] = [];
  const changes: string[][] = [];
  const intern = (table: string[][], seen: Map<string, number>, value: string[]) => {
    const key = value.join("\n");
    const at = seen.get(key) ?? table.push(value) - 1;
    seen.set(key, at);
    return at;
  };
  const seenTitles = new Map<string, number>();
  const seenChanges = new Map<string, number>();
  return {
    start,
    count: part.length,
    ids: part.map((row) => `id-${row.label}`),
    labels: part.map((row) => row.label),
    titles,
    changes,
    parent: Int32Array.from(part, (row) => row.parent),
    lane: Uint16Array.from(part, (row) => row.lane),
    depth: Uint8Array.from(part, (row) => row.depth),
    time: Float64Array.from(part, (row) => row.time),
    flags: Uint16Array.from(part, (row) => row.flags),
    title: Int32Array.from(part, (row) => intern(titles, seenTitles, row.title)),
    changed: Int32Array.from(part, (row) => intern(changes, seenChanges, row.changed)),
  };
}

const THREADS: Record<string, () => Row[]> = {
  "trip-42": trip,
  one: () => trip().slice(0, 1),
  five: () => chat(5),
  sixty: () => chat(60),
  "hundred-thousand": () => chat(100_000),
  sweep: () => sweep(300),
  empty: () => [],
};

const sleep = (ms: number, signal?: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new ProtocolError("cancelled", "Cancelled."));
    });
  });

export class FakeSource implements Source {
  readonly memory = new FakeMemory();
  rows: Row[] = [];
  thread = "trip-42";
  delay = 0;
  silent = false;
  readOnly: string | null = null;
  sent = 0;
  readonly #listeners = new Map<EventName, Set<(body: never) => void>>();

  emit<E extends EventName>(event: E, body: EventBody<E>): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(body as never);
  }

  on<E extends EventName>(event: E, listener: (body: EventBody<E>) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener as (body: never) => void));
    return () => listeners.delete(listener as (body: never) => void);
  }

  dispose(): void {}

  async request<M extends Method>(
    method: M,
    params: Params<M>,
    options: RequestOptions<M> = {},
  ): Promise<Result<M>> {
    await sleep(this.delay, options.signal);
    if (this.silent) throw new ProtocolError("no_answer", "The kernel does not answer.", "Retry.");
    return (await this.#answer(method, params as never, options as never)) as Result<M>;
  }

  /** As if a run or an update had made a checkpoint; its id. */
  extend(from: string, name: string): string {
    const parent = this.rows.findIndex((row) => `id-${row.label}` === from);
    const home = this.rows[parent] as Row;
    const label = `c${this.rows.filter((one) => one.depth === 0).length}`;
    const first = !this.rows.some((one) => one.parent === parent && one.depth === home.depth);
    const lane = first ? home.lane : 1 + Math.max(...this.rows.map((one) => one.lane));
    const flags = name === "update" ? Mark.UPDATE : 0;
    const title = name === "update" ? ["agent"] : [name];
    this.rows.push({ label, parent, lane, depth: 0, time: Date.now(), flags, title, changed: ["messages"] });
    this.emit("tree", { thread: this.#summary(), tree: columns(this.rows, this.sent), patches: [] });
    this.sent = this.rows.length;
    return `id-${label}`;
  }

  async #answer(method: Method, params: never, options: RequestOptions<"search">): Promise<unknown> {
    switch (method) {
      case "threads_list": {
        const { query, offset, limit } = params as Params<"threads_list">;
        const names = [
          ...Object.keys(THREADS),
          ...Array.from({ length: 240 }, (_, i) => `customer-${1000 + i * 7}`),
        ];
        const found = names.filter((name) => name.includes(query));
        const status = ["done", "interrupted", "failed", "paused", "running", "done"] as const;
        const threads = found.slice(offset, offset + limit).map((name, i) => ({
          thread_id: name,
          count: THREADS[name]
            ? name === "hundred-thousand"
              ? 100_000
              : THREADS[name]().length
            : 12 + ((i * 37) % 400),
          updated_at: Date.now() - (offset + i) ** 2 * 97_000,
          status: name === "trip-42" ? "interrupted" : (status[i % 6] as ThreadSummary["status"]),
        }));
        return { threads, total: found.length };
      }
      case "thread_open": {
        const name = (params as Params<"thread_open">).thread_id ?? this.thread;
        if (name === "missing") {
          throw new ProtocolError(
            "not_found",
            "There is no thread 'missing' in checkpoints.db.",
            "Choose one of its 7 threads, or leave out --thread to open the newest.",
          );
        }
        this.thread = name;
        this.rows = (THREADS[name] ?? (() => chat(40)))();
        this.sent = this.rows.length;
        const topology = inspectorAnswer("thread_open", params, this) as { topology?: unknown } | undefined;
        return {
          thread: this.#summary(),
          source: "CompiledStateGraph on SqliteSaver",
          tree: columns(this.rows, 0),
          topology: topology?.topology ?? null,
          read_only: this.readOnly,
          sandbox: null,
          selected: name === "trip-42" ? "id-c9" : null,
        };
      }
      case "thread_refresh": {
        if (this.rows.length > this.sent) {
          const news = { thread: this.#summary(), tree: columns(this.rows, this.sent), patches: [] };
          this.sent = this.rows.length;
          this.emit("tree", news);
        }
        return this.#summary();
      }
      case "rows_marks": {
        const wanted = new Set((params as Params<"rows_marks">).checkpoints);
        return this.rows
          .filter((row) => wanted.has(`id-${row.label}`))
          .map((row) => ({ id: `id-${row.label}`, interrupt: null, error: null, note: null, ...row.words }));
      }
      case "search":
        return this.#search((params as Params<"search">).query, options);
      default: {
        const remembered = this.memory.answers[method];
        if (remembered) return remembered(params as never);
        const answer = inspectorAnswer(method, params, this, options.signal);
        if (answer === undefined) throw new ProtocolError("internal", `The fake does not answer ${method}.`);
        return answer;
      }
    }
  }

  async #search(query: string, options: RequestOptions<"search">): Promise<unknown> {
    const total = this.rows.length;
    const step = Math.max(1, Math.ceil(total / 20));
    for (let at = 0; at < total; at += step) {
      await sleep(60, options.signal);
      const hits: SearchHit[] = [];
      for (let row = at; row < Math.min(total, at + step); row++) {
        if ((row * 2_654_435_761) % 17 < 2) {
          hits.push({
            id: `id-${this.rows[row]?.label}`,
            row,
            where: "messages[3]",
            before: "I can move you to business for $412. Shall I use the ",
            match: query,
            after: " ending in 7447, or another?",
          });
        }
      }
      options.onProgress?.({ hits, done: Math.min(total, at + step), total });
    }
    return { hits: [], done: total, total };
  }

  #summary(): ThreadSummary {
    return {
      thread_id: this.thread,
      count: this.rows.length,
      updated_at: Date.now() - 40_000,
      status: this.thread === "trip-42" ? "interrupted" : "done",
    };
  }
}

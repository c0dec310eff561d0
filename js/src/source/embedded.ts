// A recorded thread as a source: what Python answered once is answered again, without a kernel.
import type { Failure } from "../protocol";
import { bufferOf } from "./columns";
import { KernelSource, keyOf, type MessageModel } from "./kernel";
import type { Method } from "./types";

interface Message {
  id?: number;
  result?: unknown;
  /** The columns of a tree, in base64. */
  buffers?: string[];
}

/** What was asked, and all that was said before something else was asked. */
export interface Exchange {
  ask: { id: number; method: string; params: Record<string, unknown> };
  say: Message[];
}

/** These change what is there: what was recorded before and after one of them differs. */
const ACTS: ReadonlySet<string> = new Set<Method>([
  "fork_commit",
  "run_start",
  "run_stop",
  "breakpoints_set",
  "memory_put",
  "memory_delete",
  "sandbox_keep",
  "sandbox_discard",
]);

/** The other end of a `KernelSource`: replies come from the recording, as of the act that was asked last. */
class Recording implements MessageModel {
  /** By what was asked: the exchanges, and after how many acts they were recorded. */
  readonly #known = new Map<string, { after: number; exchange: Exchange }[]>();
  readonly #listeners = new Set<(message: unknown, buffers: DataView[]) => void>();
  /** The number that a recorded request has here. */
  readonly #numbers = new Map<number, number>();
  readonly #pause: number;
  #acts = 0;
  #said = Promise.resolve();

  constructor(exchanges: readonly Exchange[], pause: number) {
    this.#pause = pause;
    let after = 0;
    for (const exchange of exchanges) {
      const { method, params } = exchange.ask;
      if (ACTS.has(method)) after++;
      const key = keyOf(method, params);
      this.#known.set(key, [...(this.#known.get(key) ?? []), { after, exchange }]);
    }
  }

  on(_event: "msg:custom", listener: (message: unknown, buffers: DataView[]) => void): void {
    this.#listeners.add(listener);
  }

  off(_event: "msg:custom", listener: (message: unknown, buffers: DataView[]) => void): void {
    this.#listeners.delete(listener);
  }

  send(content: unknown): void {
    const { id, method, params } = content as Exchange["ask"];
    if (method === undefined) return;
    const exchange = this.#find(method, params);
    if (exchange) this.#numbers.set(exchange.ask.id, id);
    const say = exchange?.say ?? [this.#part(id, method, params)];
    for (const message of say) this.#later(message);
  }

  #find(method: string, params: Record<string, unknown>): Exchange | undefined {
    const known = this.#known.get(keyOf(method, params)) ?? [];
    if (!ACTS.has(method)) return (known.findLast((one) => one.after <= this.#acts) ?? known[0])?.exchange;
    const act = known.find((one) => one.after > this.#acts) ?? known.at(-1);
    this.#acts = act?.after ?? this.#acts;
    return act?.exchange;
  }

  /** Words for some rows, of those recorded for all; a refusal of whatever else was not recorded. */
  #part(id: number, method: string, params: Record<string, unknown>): Message & { error?: Failure } {
    if (method === "rows_marks") {
      const wanted = new Set(params.checkpoints as string[]);
      const marks = [...this.#known.values()]
        .flat()
        .filter(({ after, exchange }) => exchange.ask.method === method && after <= this.#acts)
        .flatMap(({ exchange }) => exchange.say.flatMap((said) => (said.result ?? []) as { id: string }[]));
      return { id, result: marks.filter((mark) => wanted.delete(mark.id)) };
    }
    return { id, error: { code: "not_found", cause: `${method} was not recorded.`, remedy: "" } };
  }

  #later(message: Message): void {
    const id = message.id === undefined ? undefined : (this.#numbers.get(message.id) ?? message.id);
    const buffers = (message.buffers ?? []).map(bufferOf);
    this.#said = this.#said.then(async () => {
      if (this.#pause > 0) await new Promise((resolve) => setTimeout(resolve, this.#pause));
      for (const listener of [...this.#listeners]) listener({ ...message, id }, buffers);
    });
  }
}

/** A source that answers from a recording; `pause`: milliseconds before each message. */
export class EmbeddedSource extends KernelSource {
  constructor(exchanges: readonly Exchange[], pause = 0) {
    super(new Recording(exchanges, pause));
  }
}

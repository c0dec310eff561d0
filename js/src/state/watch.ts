// Watched expressions: their values at the checkpoints of the open thread, as far as the kernel has told.
import { batch, effect, type Signal, signal } from "@preact/signals";
import type { EvaluateView, WatchedValue } from "../protocol";
import { ProtocolError } from "../source/error";
import type { Store } from "./store";
import type { TreeModel } from "./tree";

/** One expression, evaluated in the kernel of who typed it. */
export class Watch {
  readonly text: string;
  /** By row; a new map whenever more is known. */
  readonly values: Signal<ReadonlyMap<number, WatchedValue>> = signal(new Map());
  readonly pending = signal(true);
  /** Why it is not evaluated, or where it raised. */
  readonly error = signal<string | null>(null);
  readonly leftOut = signal(0);
  /** The tree that it was evaluated over, and the first row that it was not. */
  of: TreeModel | null = null;
  end = 0;
  /** It was refused: with other rows it may not be, for a channel is known once something wrote to it. */
  failed = false;

  constructor(text: string) {
    this.text = text;
  }
}

export class Watching {
  readonly watches = signal<readonly Watch[]>([]);
  /** Whether the field is open in which an expression is typed. */
  readonly typing = signal(false);

  readonly #store: Store;
  readonly #stops: (() => void)[];
  #abort: AbortController | null = null;
  /** What is evaluated now: never two at once, for they would keep the kernel from what is read besides. */
  #at: Watch | null = null;

  constructor(store: Store) {
    this.#store = store;
    let thread: string | undefined;
    this.#stops = [
      effect(() => {
        const now = store.thread.value?.thread_id;
        if (now !== thread) for (const watch of this.watches.peek()) this.remove(watch);
        thread = now;
      }),
      effect(() => {
        store.revision.value;
        store.tree.value;
        store.lost.value;
        this.watches.value;
        this.#next();
      }),
    ];
  }

  dispose(): void {
    this.#abort?.abort();
    for (const stop of this.#stops) stop();
  }

  /** Evaluates an expression from now on; one that is watched already is not watched twice. */
  add(text: string): void {
    if (this.watches.peek().every((watch) => watch.text !== text))
      this.watches.value = [...this.watches.peek(), new Watch(text)];
  }

  remove(watch: Watch): void {
    this.watches.value = this.watches.peek().filter((one) => one !== watch);
    if (this.#at === watch) this.#abort?.abort();
  }

  /** What is known of a row, in short; of several expressions, one after another. */
  at(row: number): string {
    return this.watches.value
      .map((watch) => watch.values.value.get(row)?.text)
      .filter((text) => text !== undefined)
      .join(" · ");
  }

  /** Evaluates the first expression of which something is missing. */
  #next(): void {
    const tree = this.#store.tree.peek();
    if (this.#at !== null || this.#store.lost.peek() !== null) return;
    const watch = this.watches.peek().find((one) => one.of !== tree || one.end < tree.length);
    if (watch) void this.#evaluate(watch, tree);
  }

  async #evaluate(watch: Watch, tree: TreeModel): Promise<void> {
    const start = watch.of === tree && !watch.failed ? watch.end : 0;
    const abort = new AbortController();
    batch(() => {
      watch.pending.value = true;
      if (start > 0) return;
      watch.values.value = new Map();
      watch.error.value = null;
    });
    this.#at = watch;
    this.#abort = abort;
    watch.of = tree;
    watch.end = tree.length;
    const take = (found: EvaluateView) => this.#take(watch, found);
    try {
      const asked = { text: watch.text, start };
      const found = await this.#store.source.request("evaluate", asked, {
        signal: abort.signal,
        onProgress: take,
      });
      take(found);
      watch.end = Math.max(watch.end, found.end);
      watch.failed = false;
    } catch (error) {
      const { code, message, remedy } = ProtocolError.of(error);
      watch.failed = true;
      if (code === "gone") watch.of = null; // once the kernel answers again, it is asked again
      if (!abort.signal.aborted) watch.error.value = `${message} ${remedy}`.trim();
    }
    watch.pending.value = false;
    this.#at = null;
    this.#next();
  }

  #take(watch: Watch, found: EvaluateView): void {
    batch(() => {
      if (found.values.length > 0) {
        const known = new Map(watch.values.peek());
        for (const value of found.values) known.set(value.row, value);
        watch.values.value = known;
      }
      watch.leftOut.value = Math.max(watch.leftOut.peek(), found.left_out);
      if (found.raised !== null) {
        const tree = this.#store.tree.peek();
        const label = tree.labels[tree.rowOf(found.raised.id)] ?? "";
        watch.error.value = `${label}: ${found.raised.said}`;
      }
    });
  }
}

// One search over all checkpoints: hits come while it goes on.
import { batch, signal } from "@preact/signals";
import type { SearchHit, SearchProgress } from "../protocol";
import { isCancelled } from "../source/error";
import type { Store } from "./store";

export class Search {
  readonly query = signal("");
  readonly hits = signal<readonly SearchHit[]>([]);
  readonly done = signal(0);
  readonly total = signal(0);
  /** There are more hits than were sent. */
  readonly more = signal(false);
  readonly busy = signal(false);
  /** Rows with a hit. */
  readonly rows = signal<ReadonlySet<number>>(new Set());

  readonly #store: Store;
  #seen = new Set<string>();
  #abort: AbortController | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  async start(query: string): Promise<void> {
    this.clear();
    if (query.trim() === "") return;
    const abort = new AbortController();
    this.#abort = abort;
    batch(() => {
      this.query.value = query;
      this.busy.value = true;
    });
    try {
      const { signal } = abort;
      const onProgress = (progress: SearchProgress) => {
        if (!signal.aborted) this.#take(progress);
      };
      const last = await this.#store.source.request("search", { query }, { signal, onProgress });
      if (!signal.aborted) this.#take(last);
    } catch (error) {
      if (!isCancelled(error)) this.#store.report(error);
    } finally {
      if (this.#abort === abort) this.busy.value = false;
    }
  }

  /** Ends a search under way and forgets its hits. */
  clear(): void {
    this.#abort?.abort();
    this.#abort = null;
    this.#seen = new Set();
    batch(() => {
      this.query.value = "";
      this.hits.value = [];
      this.rows.value = new Set();
      this.done.value = 0;
      this.total.value = 0;
      this.more.value = false;
      this.busy.value = false;
    });
  }

  /** The last answer may repeat hits that its progress already told. */
  #take(progress: SearchProgress): void {
    const fresh = progress.hits.filter((hit) => {
      const key = `${hit.id}\n${hit.where}`;
      return this.#seen.has(key) ? false : this.#seen.add(key);
    });
    batch(() => {
      this.done.value = progress.done;
      this.total.value = progress.total;
      this.more.value = progress.more;
      if (fresh.length === 0) return;
      this.hits.value = [...this.hits.peek(), ...fresh];
      const rows = new Set(this.rows.peek());
      for (const hit of fresh) rows.add(hit.row);
      this.rows.value = rows;
    });
  }
}

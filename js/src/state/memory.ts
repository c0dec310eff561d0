// What one display of the Memory tab shows: which moment, which search, which item.
import { batch, signal } from "@preact/signals";
import type { MemoryView } from "../protocol";
import { isCancelled, ProtocolError } from "../source/error";
import { above, type Fetch, Outline } from "./outline";
import type { Store } from "./store";

export type SearchMode = "text" | "filter" | "query";
export type Doing = "add" | "edit" | "delete" | null;

export class MemoryState {
  readonly store: Store;
  /** Memory as it was at the selected checkpoint, where that is known; else now. */
  readonly past = signal(true);
  readonly mode = signal<SearchMode>("text");
  readonly sought = signal("");
  /** The item that is open. */
  readonly chosen = signal<string | null>(null);
  readonly doing = signal<Doing>(null);
  /** The row that the keys are at. */
  readonly cursor = signal(0);
  readonly outline = signal<Outline | null>(null);
  /** Counts what the outline learnt. */
  readonly revision = signal(0);
  readonly busy = signal(false);
  /** More was found than is listed. */
  readonly more = signal(false);
  readonly error = signal<ProtocolError | null>(null);
  /** The rows in view. */
  window: [from: number, to: number] = [0, 40];
  /** Asked for anew when another act of ours wrote. */
  readonly beat = signal(0);

  /** The item to bring into view once its row is known. */
  revealing: string | null = null;
  /** Counts what unfolds the list from outside. */
  readonly turn = signal(0);
  /** The list takes the focus when it is shown again. */
  focused = false;

  readonly #expanded = new Set<string>();
  /** The person has folded or unfolded something: from then on nothing unfolds by itself. */
  #byHand = false;
  #next: Outline | null = null;

  constructor(store: Store) {
    this.store = store;
  }

  /** The checkpoint whose memory is read; null: now. */
  at(view: MemoryView): string | null {
    return view.past && this.past.value ? this.store.selected.value : null;
  }

  choose(ref: string | null): void {
    batch(() => {
      this.chosen.value = ref;
      this.doing.value = null;
    });
  }

  /** Opens an item and shows where it lies. */
  reveal(ref: string): void {
    for (const namespace of above(ref)) this.#expanded.add(namespace);
    this.revealing = ref;
    this.choose(ref);
    this.turn.value++;
  }

  /** Reads the list anew; what is shown stays until the new rows in view are there. */
  async reload(at: string | null): Promise<void> {
    this.#next?.close();
    const outline: Outline = new Outline(this.#fetch(at), this.#expanded, () => {
      if (this.outline.peek() === outline) this.revision.value++;
    });
    this.#next = outline;
    this.busy.value = true;
    try {
      await outline.load(!this.#byHand && this.sought.peek() === "");
      await outline.ensure(...this.window);
      if (this.#next !== outline) return;
      batch(() => {
        this.outline.peek()?.close();
        this.outline.value = outline;
        this.revision.value++;
        this.error.value = null;
        this.busy.value = false;
      });
    } catch (error) {
      if (this.#next === outline) this.#failed(error);
    }
  }

  /** Loads the rows that came into view. */
  async ensure(from: number, to: number): Promise<void> {
    this.window = [from, to];
    await this.#try(this.outline.peek()?.ensure(from, to));
  }

  async toggle(at: number): Promise<void> {
    this.#byHand = true;
    await this.#try(this.outline.peek()?.toggle(at));
    await this.#try(this.outline.peek()?.ensure(...this.window));
  }

  async #try(work: Promise<void> | undefined): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (isCancelled(error)) return;
    batch(() => {
      this.error.value = ProtocolError.of(error);
      this.busy.value = false;
    });
  }

  #fetch(checkpoint: string | null): Fetch {
    const { source } = this.store;
    const sought = this.sought.peek();
    const mode = this.mode.peek();
    if (sought.trim() === "") {
      return (ref, offset, limit, abort) =>
        source.request("memory_list", { checkpoint, ref, offset, limit }, { signal: abort });
    }
    const words = { text: "", filter: "", query: "", [mode]: sought };
    return async (ref, offset, limit, abort) => {
      const params = { checkpoint, ref, ...words, offset, limit };
      const { items, total, more } = await source.request("memory_search", params, { signal: abort });
      this.more.value = more;
      return { namespaces: [], items, total };
    };
  }
}

const states = new WeakMap<Store, MemoryState>();

/** The state of the Memory tab of one display; it outlives the tab. */
export function memoryOf(store: Store): MemoryState {
  const known = states.get(store) ?? new MemoryState(store);
  states.set(store, known);
  return known;
}

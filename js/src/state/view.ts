// What one display of the debugger has for itself: scroll, expansion, hits, sizes.
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { remember, remembered } from "../lib/remembered";
import { still } from "../lib/still";
import type { RowMarks } from "../protocol";
import { isCancelled } from "../source/error";
import { Finding } from "./find";
import { LaneIndex } from "./lanes";
import { Search } from "./search";
import type { Store } from "./store";
import type { TreeModel } from "./tree";
import { collapsedAtFirst, isBranch, VisibleRows } from "./visible";
import { Watching } from "./watch";

export const ROW_HEIGHT = 30;

export class ViewState {
  readonly store: Store;
  readonly search: Search;
  readonly find: Finding;
  readonly watching: Watching;
  /** Anchor rows whose subgraph calls are collapsed. */
  readonly collapsed = signal<ReadonlySet<number>>(new Set());
  readonly visible: ReadonlySignal<VisibleRows>;
  readonly lanes: ReadonlySignal<LaneIndex>;
  /** 1 for each row after the selected one on its branches. */
  readonly future: ReadonlySignal<Uint8Array>;
  readonly branches: ReadonlySignal<number>;
  /** The tree's scroll position and size, in pixels. */
  readonly scroll = signal(0);
  readonly height = signal(0);
  readonly width = signal(0);
  readonly marks = signal<ReadonlyMap<string, RowMarks>>(new Map());
  readonly help = signal(false);
  /** Whether State says beside each part who set it. */
  readonly gutter = signal(false);
  /** Whether the inspector tells in sentences how the selection came to be. */
  readonly narrating = signal(remembered("narrate") === 1);
  /** Whether the form that exports is open. */
  readonly exporting = signal(false);
  /** Said by screen readers and shown for a moment: "Copied". */
  readonly said = signal("");
  /** The tree's share of the width, or of the height where the inspector is below it. */
  readonly split = signal(remembered("split") ?? 0.44);
  readonly splitRows = signal(remembered("split-rows") ?? 0.42);
  /** The height that a person gave the debugger, in pixels; null: what Python says. */
  readonly tall = signal<number | null>(null);
  /** It has the whole window. */
  readonly maximised = signal(false);
  /** One shows it to others: large, and step by step. */
  readonly presenting = signal(false);
  readonly dark = signal(false);
  /** Counts how often the notebook put our elements (back) into the page. */
  readonly attached = signal(0);
  /** The root element, while shown. */
  root: HTMLElement | null = null;
  /** Drawn anew, the tree takes the focus: what had it is gone. */
  refocus = false;
  /** The first of the rows that came just now. */
  readonly fresh = signal(Number.POSITIVE_INFINITY);
  /** A row to hold in place when rows above it come or go. */
  pinned = -1;

  #wide = false;
  readonly #asked = new Map<string, number>();
  #sayTimer: ReturnType<typeof setTimeout> | undefined;
  #freshTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #stops: (() => void)[] = [];

  constructor(store: Store) {
    this.store = store;
    this.search = new Search(store);
    this.find = new Finding(store);
    this.watching = new Watching(store);
    const { find } = this;
    this.visible = computed(() => {
      store.revision.value;
      return new VisibleRows(store.tree.value, this.collapsed.value, find.folded.value, find.kept.value);
    });
    const laneIndex = computed(() => {
      store.tree.value;
      return new LaneIndex();
    });
    // The index grows in place: a new object each time tells the views that it did.
    this.lanes = computed(() => {
      store.revision.value;
      if (find.kept.value || find.folded.value.size > 0)
        return LaneIndex.shown(store.tree.value, this.visible.value);
      return laneIndex.value.update(store.tree.value);
    });
    this.future = computed(() => {
      store.revision.value;
      return store.tree.value.future(store.selectedRow.value);
    });
    this.branches = computed(() => {
      store.revision.value;
      return store.tree.value.heads().length;
    });
    this.#stops.push(
      effect(() => {
        const tree = store.tree.value;
        this.collapsed.value = collapsedAtFirst(tree);
        this.marks.value = new Map();
        this.#asked.clear();
      }),
      effect(() => {
        if (this.search.query.value === "") find.hit.value = null;
      }),
      this.#watchGrowth(),
      // What is selected is shown: by a search hit, from Python, by a run.
      effect(() => {
        const row = store.selectedRow.value;
        if (row < 0) return;
        this.reveal(row);
        find.reveal(row);
      }),
    );
  }

  dispose(): void {
    clearTimeout(this.#sayTimer);
    clearTimeout(this.#freshTimer);
    this.search.clear();
    this.find.dispose();
    this.watching.dispose();
    for (const stop of this.#stops) stop();
  }

  toggle(anchor: number): void {
    const collapsed = new Set(this.collapsed.peek());
    if (!collapsed.delete(anchor)) collapsed.add(anchor);
    this.pinned = anchor;
    this.collapsed.value = collapsed;
  }

  /** Folds or unfolds what begins at a row: the steps of its subgraphs, else its branch. */
  toggleAt(row: number): void {
    const tree = this.store.tree.peek();
    if (tree.inner[row]) this.toggle(row);
    else if (isBranch(tree, row)) this.toggleBranch(row);
  }

  /** Folds a branch to its first row, or unfolds it; -1: there is none. */
  toggleBranch(first: number): void {
    if (first < 0) return;
    this.pinned = first;
    this.find.toggleBranch(first);
  }

  /** Folds all branches that the selection is not on, or unfolds all. */
  toggleBranches(fold: boolean): void {
    this.pinned = this.store.selectedRow.peek();
    this.find.toggleBranches(fold);
  }

  /** Collapses all subgraph calls, or expands them all. */
  toggleAll(collapse: boolean): void {
    const tree = this.store.tree.peek();
    const anchors = new Set<number>();
    if (collapse) for (let row = 0; row < tree.length; row++) if (tree.inner[row]) anchors.add(row);
    this.pinned = this.store.selectedRow.peek();
    this.collapsed.value = anchors;
  }

  /** Expands the calls that hide a row. */
  reveal(row: number): void {
    const tree = this.store.tree.peek();
    const hiding: number[] = [];
    for (let anchor = tree.anchor[row] ?? -1; anchor >= 0; anchor = tree.anchor[anchor] ?? -1) {
      if (this.collapsed.peek().has(anchor)) hiding.push(anchor);
    }
    if (hiding.length === 0) return;
    const collapsed = new Set(this.collapsed.peek());
    for (const anchor of hiding) collapsed.delete(anchor);
    this.collapsed.value = collapsed;
  }

  /**
   * Selects the row that is `by` positions further down (negative: up), held at the ends. With `compare` it
   * is compared with where the walk began.
   */
  walk(by: number, compare = false): void {
    const visible = this.visible.peek();
    if (visible.count === 0) return;
    const row = this.store.selectedRow.peek();
    // A filter may hide where one is: then from the place where it would be.
    const at =
      visible.positionOf(row) >= 0 ? visible.positionOf(row) : visible.newerThan(row) - (by > 0 ? 1 : 0);
    const to = row < 0 ? 0 : Math.min(visible.count - 1, Math.max(0, at + by));
    const start = this.store.compared.peek() ?? this.store.selected.peek();
    this.#select(visible.rowAt(to), compare ? start : null);
  }

  toParent(): void {
    const row = this.store.selectedRow.peek();
    if (row >= 0) this.#select(this.store.tree.peek().parent[row] as number);
  }

  toChild(): void {
    const tree = this.store.tree.peek();
    const row = this.store.selectedRow.peek();
    if (row >= 0) this.#select(tree.childOf(row));
  }

  /** Asks for the words of the marks of rows in view, once for each state of their flags. */
  async askMarks(rows: readonly number[]): Promise<void> {
    const tree = this.store.tree.peek();
    const ids: string[] = [];
    for (const row of rows) {
      const id = tree.ids[row] as string;
      const flags = tree.flags[row] as number;
      if (this.#asked.get(id) === flags) continue;
      this.#asked.set(id, flags);
      ids.push(id);
    }
    if (ids.length === 0) return;
    try {
      const marks = await this.store.source.request("rows_marks", { checkpoints: ids });
      if (tree !== this.store.tree.peek()) return;
      const known = new Map(this.marks.peek());
      for (const mark of marks) known.set(mark.id, mark);
      this.marks.value = known;
    } catch (error) {
      // The marks themselves stay; only their words are missing, and a later look asks again.
      for (const id of ids) this.#asked.delete(id);
      if (!isCancelled(error)) console.warn("lgviz: no words for marks:", error);
    }
  }

  scrollTo(top: number): void {
    const tree = this.root?.querySelector('[data-testid="lgviz-tree"]');
    if (tree) tree.scrollTop = top;
  }

  focus(selector: string): void {
    this.root?.querySelector<HTMLElement>(selector)?.focus({ preventScroll: true });
  }

  focusTree(): void {
    this.focus('[data-testid="lgviz-tree"]');
  }

  /** The tab that is open, else the first thing in the inspector that takes the focus. */
  focusInspector(): void {
    const inspector = this.root?.querySelector('[data-testid="lgviz-inspector"]');
    const target =
      inspector?.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]') ??
      inspector?.querySelector<HTMLElement>("button, [tabindex]");
    target?.focus({ preventScroll: true });
  }

  /** Presents in the whole window, or no longer: then it has it if it had it before. */
  present(on: boolean): void {
    if (on) this.#wide = this.maximised.peek();
    this.presenting.value = on;
    // A saved page fills the window anyway.
    if (!still.peek()) this.maximised.value = on || this.#wide;
  }

  /** Tells how the selection came to be, from now on in all debuggers; or no longer. */
  narrate(on: boolean): void {
    this.narrating.value = on;
    remember("narrate", on ? 1 : null);
  }

  say(text: string): void {
    this.said.value = text;
    clearTimeout(this.#sayTimer);
    this.#sayTimer = setTimeout(() => {
      this.said.value = "";
    }, 1800);
  }

  #watchGrowth(): () => void {
    let tree: TreeModel | null = null;
    let length = 0;
    return effect(() => {
      this.store.revision.value;
      const now = this.store.tree.value;
      if (now === tree && now.length > length) {
        this.fresh.value = Math.min(this.fresh.peek(), length);
        clearTimeout(this.#freshTimer);
        this.#freshTimer = setTimeout(() => {
          this.fresh.value = Number.POSITIVE_INFINITY;
        }, 1200);
      }
      tree = now;
      length = now.length;
    });
  }

  #select(row: number, compared: string | null = null): void {
    const tree: TreeModel = this.store.tree.peek();
    if (row >= 0) this.store.select(tree.ids[row] as string, compared);
  }
}

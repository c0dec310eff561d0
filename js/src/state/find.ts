// Finding one's way in a thread: the filter of rows, folded branches, the branch that is scrubbed.
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { SearchHit } from "../protocol";
import { Branch, branchAt } from "./branch";
import { type Facet, keptBy, sameFacet } from "./filter";
import type { Store } from "./store";
import type { TreeModel } from "./tree";
import { isBranch } from "./visible";

/** A part of a state that one comes for from another checkpoint: where it was there. */
export interface Landing {
  of: string;
  channel: string;
  path: number[];
  line: number | null;
}

export class Finding {
  readonly facets = signal<readonly Facet[]>([]);
  /** 1 for each row that the filter keeps; null without a filter. */
  readonly kept: ReadonlySignal<Uint8Array | null>;
  /** First rows of the branches that are folded. */
  readonly folded = signal<ReadonlySet<number>>(new Set());
  /** The hit of the search that one came for; it ends with the next selection. */
  readonly hit = signal<SearchHit | null>(null);
  /** The part that one came for, and the checkpoint where it is; it ends with the next selection. */
  readonly landing = signal<(Landing & { id: string }) | null>(null);
  /** The branch of the selection. It stays the same while one walks along it. */
  readonly branch: ReadonlySignal<Branch>;

  readonly #store: Store;
  readonly #stops: (() => void)[];
  /** What was folded before two branches were compared, and for which it is folded now. */
  #before: { folded: ReadonlySet<number>; ends: readonly string[] } | null = null;

  constructor(store: Store) {
    this.#store = store;
    this.kept = computed(() => {
      store.revision.value;
      const facets = this.facets.value;
      return facets.length > 0 ? keptBy(store.tree.value, facets) : null;
    });
    const whole = computed(() => {
      store.revision.value;
      // A new object for each state of the tree, which is changed in place.
      return { tree: store.tree.value };
    });
    let of: { tree: TreeModel } | null = null;
    let last: Branch | null = null;
    this.branch = computed(() => {
      const row = store.selectedRow.value;
      const now = whole.value;
      if (last === null || now !== of || last.placeOf(row) < 0) {
        last = branchAt(now.tree, row, of?.tree === now.tree && last !== null ? last.head : -1);
        of = now;
      }
      return last;
    });
    const thread = computed(() => store.thread.value?.thread_id);
    this.#stops = [
      effect(() => {
        thread.value;
        this.facets.value = [];
      }),
      effect(() => {
        if (store.selected.value !== this.hit.peek()?.id) this.hit.value = null;
        if (store.selected.value !== this.landing.peek()?.id) this.landing.value = null;
      }),
      effect(() => {
        store.tree.value;
        this.folded.value = new Set();
        this.#before = null;
      }),
      effect(() => this.#foldCompared(store.ends.value, store.tab.value === "compare")),
    ];
  }

  dispose(): void {
    for (const stop of this.#stops) stop();
  }

  has(facet: Facet): boolean {
    return this.facets.value.some((one) => sameFacet(one, facet));
  }

  toggle(facet: Facet): void {
    const others = this.facets.peek().filter((one) => !sameFacet(one, facet));
    this.facets.value = others.length < this.facets.peek().length ? others : [...others, facet];
  }

  clear(): void {
    this.facets.value = [];
  }

  /** Selects a checkpoint; a filter that hides it ends. */
  show(id: string): void {
    const kept = this.kept.peek();
    const row = this.#store.tree.peek().rowOf(id);
    if (kept !== null && kept[row] === 0) this.clear();
    this.#store.select(id);
  }

  /** Goes to a hit of the search: to its checkpoint, and to where it stands in it. */
  showHit(hit: SearchHit): void {
    this.show(hit.id);
    if (hit.channel !== null) this.#store.tab.value = "state";
    else if (hit.where === "error") this.#store.tab.value = "tasks";
    this.hit.value = { ...hit };
  }

  /** Goes to a part as it was at a checkpoint; null: before the one that it is looked at from. */
  land(part: Landing, id: string | null): void {
    const { tree, tab } = this.#store;
    const rows = tree.peek();
    const target = id ?? rows.ids[rows.parent[rows.rowOf(part.of)] ?? -1];
    if (target === undefined) return;
    this.show(target);
    tab.value = "state";
    this.landing.value = { ...part, id: target };
  }

  /** Folds a branch to its first row, or unfolds it. */
  toggleBranch(first: number): void {
    const { tree, selectedRow } = this.#store;
    const folded = new Set(this.folded.peek());
    if (!folded.delete(first)) {
      folded.add(first);
      // What is selected is shown: within a branch that is folded, its line.
      if (leadsTo(tree.peek(), first, selectedRow.peek())) this.#select(first);
    }
    this.folded.value = folded;
  }

  /** Folds all branches that the selection is not on, or unfolds all. */
  toggleBranches(fold: boolean): void {
    this.folded.value = fold ? this.#allBut([this.branch.peek()]) : new Set();
  }

  /** While two branches are compared, the others are folded; afterwards all is as it was. */
  #foldCompared(ends: readonly string[] | null, shown: boolean): void {
    const was = this.#before;
    if (ends !== null && shown && was?.ends !== ends) {
      const tree = this.#store.tree.peek();
      this.#before = { folded: was?.folded ?? this.folded.peek(), ends };
      this.folded.value = this.#allBut(ends.map((end) => new Branch(tree, tree.rowOf(end))));
    } else if (ends === null && was !== null) {
      this.folded.value = was.folded;
      this.#before = null;
    }
  }

  /** The first rows of all branches but some. */
  #allBut(shown: readonly Branch[]): Set<number> {
    const tree = this.#store.tree.peek();
    const folded = new Set<number>();
    for (let row = 0; row < tree.length; row++) {
      if (isBranch(tree, row) && shown.every((branch) => branch.placeOf(row) < 0)) folded.add(row);
    }
    return folded;
  }

  /** The first row of the branch that the selection is on, where it can be folded; -1: there is none. */
  branchStart(): number {
    const tree = this.#store.tree.peek();
    for (let row = rootOf(tree, this.#store.selectedRow.peek()); row >= 0; row = tree.parent[row] as number) {
      if (isBranch(tree, row)) return row;
    }
    return -1;
  }

  /** Unfolds the branches that hide a row. */
  reveal(row: number): void {
    if (this.folded.peek().size === 0) return;
    const tree = this.#store.tree.peek();
    const folded = new Set(this.folded.peek());
    const home = rootOf(tree, row);
    // A folded branch shows its first row, but none of the steps that this row called.
    for (let at = home === row ? (tree.parent[row] ?? -1) : home; at >= 0; at = tree.parent[at] as number) {
      folded.delete(at);
    }
    if (folded.size < this.folded.peek().size) this.folded.value = folded;
  }

  /** Selects the checkpoint at a place of the branch, held at its ends. */
  scrub(place: number): void {
    const { rows } = this.branch.peek();
    this.#select(rows[Math.max(0, Math.min(rows.length - 1, place))] ?? -1);
  }

  /** Selects the change of a channel on the branch before (-1) or after (1) the selection. */
  step(channel: string, by: -1 | 1): void {
    this.#select(this.branch.peek().changeFrom(channel, this.#store.selectedRow.peek(), by));
  }

  #select(row: number): void {
    if (row >= 0) this.show(this.#store.tree.peek().ids[row] as string);
  }
}

/** The row of the root namespace that a row belongs to: itself, or the one whose step called it. */
function rootOf(tree: TreeModel, row: number): number {
  let root = row;
  while (root >= 0 && tree.depth[root] !== 0) root = tree.anchor[root] as number;
  return root;
}

/** Whether a row comes of `first`. */
function leadsTo(tree: TreeModel, first: number, row: number): boolean {
  let at = row < 0 ? -1 : (tree.parent[row] as number);
  while (at > first) at = tree.parent[at] as number;
  return at === first;
}

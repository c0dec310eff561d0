// Which rows are shown, newest first, while subgraph calls and branches are folded, or rows are filtered.
import type { TreeModel } from "./tree";

const NONE: ReadonlySet<number> = new Set();

/** A position is counted from the top: 0 is the newest shown row. */
export class VisibleRows {
  readonly count: number;
  readonly #rows: Int32Array;
  readonly #rank: Int32Array;
  /** By the first row of a folded branch, how many checkpoints of its own namespace are hidden behind it. */
  readonly behind = new Map<number, number>();

  /** Where rows are filtered (`kept` has 1 for each that is shown), nothing is folded. */
  constructor(
    tree: TreeModel,
    collapsed: ReadonlySet<number>,
    folded: ReadonlySet<number> = NONE,
    kept: Uint8Array | null = null,
  ) {
    const rows = new Int32Array(tree.length);
    const rank = new Int32Array(tree.length);
    let count = 0;
    for (let row = 0; row < tree.length; row++) {
      const shown = kept === null ? !isFolded(tree, row, rank, collapsed, folded) : kept[row] === 1;
      rank[row] = shown ? count : -1;
      if (shown) rows[count++] = row;
    }
    this.#rows = rows;
    this.#rank = rank;
    this.count = count;
    if (folded.size > 0 && kept === null) this.#countBehind(tree);
  }

  /** The row at a position; -1 beyond the ends. */
  rowAt(position: number): number {
    return position < 0 || position >= this.count ? -1 : (this.#rows[this.count - 1 - position] as number);
  }

  /** The position of a row; -1 where it is hidden or unknown. */
  positionOf(row: number): number {
    const rank = row >= 0 && row < this.#rank.length ? (this.#rank[row] as number) : -1;
    return rank < 0 ? -1 : this.count - 1 - rank;
  }

  /** How many shown rows are newer than a row, which may be hidden. */
  newerThan(row: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#rows[middle] as number) <= row) low = middle + 1;
      else high = middle;
    }
    return this.count - low;
  }

  #countBehind(tree: TreeModel): void {
    const line = new Int32Array(tree.length);
    for (let row = 0; row < tree.length; row++) {
      const parent = tree.parent[row] as number;
      const hidden = this.#rank[row] === -1 && tree.depth[row] === 0 && parent >= 0;
      line[row] = !hidden ? -1 : this.#rank[parent] === -1 ? (line[parent] as number) : parent;
      if (hidden) this.behind.set(line[row] as number, (this.behind.get(line[row] as number) ?? 0) + 1);
    }
  }
}

/** Whether a row is hidden by what is folded, as it is with all that comes of it. */
function isFolded(
  tree: TreeModel,
  row: number,
  rank: Int32Array,
  collapsed: ReadonlySet<number>,
  folded: ReadonlySet<number>,
): boolean {
  const anchor = tree.anchor[row] as number;
  if (anchor >= 0) return rank[anchor] === -1 || collapsed.has(anchor) || folded.has(anchor);
  const parent = tree.parent[row] as number;
  return parent >= 0 && (rank[parent] === -1 || folded.has(parent));
}

/** Whether a branch that can be folded begins with a row: it has siblings, and something comes of it. */
export function isBranch(tree: TreeModel, row: number): boolean {
  const parent = tree.parent[row] as number;
  if (parent < 0 || tree.depth[row] !== 0) return false;
  return (tree.children[parent] as number) > 1 && (tree.children[row] as number) > 0;
}

/** Few inner rows are shown from the start; many would bury the thread's own steps. */
export function collapsedAtFirst(tree: TreeModel): Set<number> {
  const anchors: number[] = [];
  let total = 0;
  for (let row = 0; row < tree.length; row++) {
    const inner = tree.inner[row] as number;
    if (inner === 0) continue;
    anchors.push(row);
    total += inner;
  }
  return new Set(total > 200 ? anchors : anchors.filter((row) => (tree.inner[row] as number) > 12));
}

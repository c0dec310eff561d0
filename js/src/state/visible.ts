// Which rows are shown, newest first, while some subgraph calls are collapsed.
import type { TreeModel } from "./tree";

/** A position is counted from the top: 0 is the newest shown row. */
export class VisibleRows {
  readonly count: number;
  readonly #rows: Int32Array;
  readonly #rank: Int32Array;

  constructor(tree: TreeModel, collapsed: ReadonlySet<number>) {
    const rows = new Int32Array(tree.length);
    const rank = new Int32Array(tree.length);
    let count = 0;
    for (let row = 0; row < tree.length; row++) {
      const anchor = tree.anchor[row] as number;
      const hidden = anchor >= 0 && (rank[anchor] === -1 || collapsed.has(anchor));
      rank[row] = hidden ? -1 : count;
      if (!hidden) rows[count++] = row;
    }
    this.#rows = rows;
    this.#rank = rank;
    this.count = count;
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

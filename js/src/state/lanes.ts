// Which edges cross a window of rows, without looking at the rows outside it.
import type { TreeModel } from "./tree";
import type { VisibleRows } from "./visible";

export interface Edge {
  child: number;
  parent: number;
}

/**
 * Edges of the root namespace by lane. An edge runs in its child's lane over the rows (parent, child], and
 * two edges of one lane never share a row, so in each lane both ends are in ascending order.
 */
export class LaneIndex {
  readonly #children: number[][] = [];
  #rows = 0;
  /** Where rows are hidden: the nearest row above each that is shown, and by lane the least of those from each edge on. */
  #above: Int32Array | null = null;
  #least: number[][] = [];
  /** The greatest lane in use. */
  max = 0;

  /** Of the rows that are shown alone: an edge leads past those that are hidden. */
  static shown(tree: TreeModel, visible: VisibleRows): LaneIndex {
    const index = new LaneIndex();
    const above = new Int32Array(tree.length);
    for (let row = 0; row < tree.length; row++) {
      const lane = tree.lane[row] as number;
      const parent = tree.parent[row] as number;
      if (lane > index.max) index.max = lane;
      above[row] = parent < 0 || visible.positionOf(parent) >= 0 ? parent : (above[parent] as number);
      if (tree.depth[row] !== 0 || above[row] === -1 || visible.positionOf(row) < 0) continue;
      while (index.#children.length <= lane) index.#children.push([]);
      (index.#children[lane] as number[]).push(row);
    }
    index.#above = above;
    // Edges of a lane may now lie beside each other: what is still to come of it says when to stop.
    index.#least = index.#children.map((children) => {
      let least = Number.POSITIVE_INFINITY;
      return children
        .map(
          (_, i) => (least = Math.min(least, above[children[children.length - 1 - i] as number] as number)),
        )
        .reverse();
    });
    return index;
  }

  /** Where the edge of a row leads. */
  parentOf(tree: TreeModel, row: number): number {
    return (this.#above ?? tree.parent)[row] as number;
  }

  /** Takes in the rows that were appended since. */
  update(tree: TreeModel): this {
    for (let row = this.#rows; row < tree.length; row++) {
      const lane = tree.lane[row] as number;
      if (lane > this.max) this.max = lane;
      if (tree.depth[row] !== 0 || (tree.parent[row] as number) < 0) continue;
      while (this.#children.length <= lane) this.#children.push([]);
      (this.#children[lane] as number[]).push(row);
    }
    this.#rows = tree.length;
    return this;
  }

  /** Calls `visit` for each edge that touches the rows `low` to `high` (both included). */
  query(tree: TreeModel, low: number, high: number, visit: (edge: Edge) => void): void {
    this.#children.forEach((children, lane) => {
      const least = this.#least[lane];
      for (let i = lowerBound(children, low); i < children.length; i++) {
        const child = children[i] as number;
        const parent = this.parentOf(tree, child);
        if ((least?.[i] ?? parent) > high) break;
        if (parent <= high) visit({ child, parent });
      }
    });
  }
}

/** The first index whose value is at least `value`. */
function lowerBound(values: readonly number[], value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

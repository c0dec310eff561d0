// Which edges cross a window of rows, without looking at the rows outside it.
import type { TreeModel } from "./tree";

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
  /** The greatest lane in use. */
  max = 0;

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
    for (const children of this.#children) {
      for (let i = lowerBound(children, low); i < children.length; i++) {
        const child = children[i] as number;
        const parent = tree.parent[child] as number;
        if (parent > high) break;
        visit({ child, parent });
      }
    }
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

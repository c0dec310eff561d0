// The branch that one looks at: the checkpoints of one namespace from the oldest to a head, and what they changed.
import type { TreeModel } from "./tree";

export class Branch {
  /** Rows, oldest first. */
  readonly rows: Int32Array;
  readonly #tree: TreeModel;
  readonly #changes = new Map<string, Int32Array>();

  constructor(tree: TreeModel, head: number) {
    const rows: number[] = [];
    for (let row = head; row >= 0; row = before(tree, row)) rows.push(row);
    this.#tree = tree;
    this.rows = Int32Array.from(rows.reverse());
  }

  get head(): number {
    return this.rows.at(-1) ?? -1;
  }

  /** The place of a row on the branch; -1 where it is not on it. */
  placeOf(row: number): number {
    const place = countBelow(this.rows, row);
    return this.rows[place] === row ? place : -1;
  }

  /** The rows of the branch that changed a channel, oldest first. */
  changesOf(channel: string): Int32Array {
    let rows = this.#changes.get(channel);
    if (!rows) {
      const has = including(new Set([channel]));
      rows = this.rows.filter((row) => has(this.#tree.changes[row] as readonly string[]));
      this.#changes.set(channel, rows);
    }
    return rows;
  }

  /** The nearest change of a channel on the other side of a row: before it (-1) or after it (1); -1: none. */
  changeFrom(channel: string, row: number, by: -1 | 1): number {
    const rows = this.changesOf(channel);
    return rows[by < 0 ? countBelow(rows, row) - 1 : countBelow(rows, row + 1)] ?? -1;
  }
}

/**
 * The branch that a row is on: the one with the head `last` as long as the row is on that, else the one to the
 * newest checkpoint that came of the row. A head that went on is followed.
 */
export function branchAt(tree: TreeModel, row: number, last = -1): Branch {
  if (last >= row && last < tree.length) {
    const branch = new Branch(tree, newestFrom(tree, last));
    if (branch.placeOf(row) >= 0) return branch;
  }
  return new Branch(tree, newestFrom(tree, row));
}

/** The parent in the same namespace; -1 where a namespace begins. */
function before(tree: TreeModel, row: number): number {
  const parent = tree.parent[row] as number;
  return parent >= 0 && tree.depth[parent] === tree.depth[row] ? parent : -1;
}

/** The newest row that came of a row, in its namespace; the row itself where nothing did. */
function newestFrom(tree: TreeModel, row: number): number {
  if (row < 0 || tree.children[row] === 0) return row;
  const marks = new Uint8Array(tree.length - row);
  marks[0] = 1;
  let newest = row;
  for (let other = row + 1; other < tree.length; other++) {
    const parent = before(tree, other);
    if (parent < row || !marks[parent - row]) continue;
    marks[other - row] = 1;
    newest = other;
  }
  return newest;
}

/** Whether a list has one of the names; asked once for each list that steps share. */
export function including(names: ReadonlySet<string>): (list: readonly string[]) => boolean {
  const known = new Map<readonly string[], boolean>();
  return (list) => {
    let has = known.get(list);
    if (has === undefined) {
      has = list.some((name) => names.has(name));
      known.set(list, has);
    }
    return has;
  };
}

/** How many of the ascending rows are below a row. */
function countBelow(rows: Int32Array, row: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle] as number) < row) low = middle + 1;
    else high = middle;
  }
  return low;
}

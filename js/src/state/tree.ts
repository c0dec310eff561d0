// The rows of a thread as growing columns: cheap to append to, to patch and to ask.
import { type RowPatch, TREE_COLUMNS } from "../protocol";
import { ARRAYS, COLUMNS } from "../source/columns";
import type { TreeColumns, TreeRows } from "../source/types";

/** Columns of a batch that are kept as they come; `title` and `changed` point into tables of their batch. */
export const KEPT = COLUMNS.filter((name) => name !== "title" && name !== "changed") as Kept[];
type Kept = Exclude<keyof TreeColumns, "title" | "changed">;

type Derived = { children: Uint16Array; anchor: Int32Array; inner: Int32Array };
type Columns = Pick<TreeColumns, Kept> & Derived;
type Numbers = Columns[keyof Columns];

/** Every column, empty; arrays grow as rows come. */
class Empty {
  /** Children in the same namespace; calls of subgraphs are not counted. */
  children = new Uint16Array(0);
  /** The row that started this row's subgraph call; -1 in the root namespace. */
  anchor = new Int32Array(0);
  /** How many rows of subgraph calls a row started. */
  inner = new Int32Array(0);

  constructor() {
    for (const name of KEPT) Object.assign(this, { [name]: new ARRAYS[TREE_COLUMNS[name]](0) });
  }
}

export class TreeModel extends (Empty as new () => Columns) {
  length = 0;
  readonly ids: string[] = [];
  readonly labels: string[] = [];
  readonly titles: (readonly string[])[] = [];
  readonly changes: (readonly string[])[] = [];
  /** Characters of the longest label. */
  longestLabel = 0;
  #rowOf = new Map<string, number>();
  #rowOfLabel = new Map<string, number>();

  /**
   * Takes in a batch; rows it already has are skipped. False where it does not go on from these rows: some
   * before it are missing, or the thread was cut or replaced meanwhile.
   */
  append(batch: TreeRows): boolean {
    const end = batch.start + batch.count;
    const known = Math.min(end, this.length);
    if (batch.start > this.length || (batch.start === 0 && end < this.length)) return false;
    for (const row of [batch.start, known - 1]) {
      if (row >= batch.start && row < known && this.ids[row] !== batch.ids[row - batch.start]) return false;
    }
    if (end <= this.length) return true;
    this.#grow(end);
    for (const name of KEPT) this[name].set(batch[name].subarray(this.length - batch.start), this.length);
    for (let row = this.length; row < end; row++) {
      const i = row - batch.start;
      const id = batch.ids[i] as string;
      const label = batch.labels[i] as string;
      const parent = batch.parent[i] as number;
      const depth = batch.depth[i] as number;
      this.ids.push(id);
      this.labels.push(label);
      if (label.length > this.longestLabel) this.longestLabel = label.length;
      this.#rowOf.set(id, row);
      this.#rowOfLabel.set(label, row);
      this.titles.push(batch.titles[batch.title[i] as number] ?? []);
      this.changes.push(batch.changes[batch.changed[i] as number] ?? []);
      this.anchor[row] = -1;
      if (parent >= 0) {
        const starts = depth > (this.depth[parent] as number);
        if (!starts) this.children[parent] = (this.children[parent] as number) + 1;
        if (depth > 0) {
          const anchor = starts ? parent : (this.anchor[parent] as number);
          this.anchor[row] = anchor;
          if (anchor >= 0) this.inner[anchor] = (this.inner[anchor] as number) + 1;
        }
      }
    }
    this.length = end;
    return true;
  }

  patch(patch: RowPatch): void {
    if (patch.row >= this.length) return;
    this.flags[patch.row] = patch.flags;
    this.titles[patch.row] = patch.title;
    this.changes[patch.row] = patch.changed;
  }

  /** The row of a checkpoint, by its id; -1 where there is none. */
  rowOf(id: string | null): number {
    return id === null ? -1 : (this.#rowOf.get(id) ?? -1);
  }

  /** The row of a label; -1 where there is none. */
  rowOfLabel(label: string): number {
    return this.#rowOfLabel.get(label) ?? -1;
  }

  isHead(row: number): boolean {
    return this.depth[row] === 0 && this.children[row] === 0;
  }

  /** The newest child in the same namespace, else -1. Called on a key press, so a scan is fine. */
  childOf(row: number): number {
    for (let other = this.length - 1; other > row; other--) {
      if (this.parent[other] === row && this.depth[other] === this.depth[row]) return other;
    }
    return -1;
  }

  /** 1 for each descendant of `row`: its future. One pass, for rows come after their parents. */
  future(row: number): Uint8Array {
    const marks = new Uint8Array(this.length);
    if (row < 0) return marks;
    for (let other = row + 1; other < this.length; other++) {
      const parent = this.parent[other] as number;
      if (parent === row || (parent > row && marks[parent])) marks[other] = 1;
    }
    return marks;
  }

  /** Rows without children, oldest first. */
  heads(): number[] {
    const rows: number[] = [];
    for (let row = 0; row < this.length; row++) if (this.isHead(row)) rows.push(row);
    return rows;
  }

  #grow(length: number): void {
    for (const name of [...KEPT, "children", "anchor", "inner"] as const) {
      const array: Numbers = this[name];
      if (array.length >= length) return;
      const grown = new (array.constructor as new (length: number) => Numbers)(
        Math.max(length, Math.ceil(array.length * 1.5), 64),
      );
      grown.set(array);
      Object.assign(this, { [name]: grown });
    }
  }
}

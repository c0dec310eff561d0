// Namespaces and items as the rows of one list, loaded in pages where they are looked at.
import type { MemoryNamespace, MemoryPage, MemoryRow } from "../protocol";

export const OUTLINE_PAGE = 100;
/** Rows that are unfolded at first, so that a small memory needs no click. */
const FEW = 30;

export type Fetch = (ref: string, offset: number, limit: number, signal: AbortSignal) => Promise<MemoryPage>;

type Entry =
  | { kind: "namespace"; namespace: MemoryNamespace }
  | { kind: "item"; item: MemoryRow }
  | { kind: "pending" };

export type OutlineRow = Entry & {
  depth: number;
  /** Its place among the rows with the same parent, and how many those are. */
  position: number;
  size: number;
  expanded: boolean;
  /** The row of the namespace above; -1 at the top. */
  parent: number;
};

/** The rows right below one namespace. */
class Branch {
  readonly entries = new Map<number, Entry>();
  /** Unfolded namespaces, by position. */
  readonly open = new Map<number, Branch>();
  constructor(
    readonly ref: string,
    readonly depth: number,
    public total: number,
  ) {}

  get rows(): number {
    let rows = this.total;
    for (const branch of this.open.values()) rows += branch.rows;
    return rows;
  }

  /** Which row is at a place of the list: a position of a branch. */
  find(at: number, base = 0, parent = -1): { branch: Branch; position: number; parent: number } | null {
    let left = at;
    let before = 0;
    for (const [position, branch] of [...this.open].sort(([a], [b]) => a - b)) {
      // Rows of this branch up to and with the unfolded one.
      const upTo = position + 1 - before;
      if (left < upTo) break;
      left -= upTo;
      before = position + 1;
      if (left < branch.rows) return branch.find(left, base + at - left, base + at - left - 1);
      left -= branch.rows;
    }
    const position = before + left;
    return position < this.total ? { branch: this, position, parent } : null;
  }
}

/**
 * A list of rows of which only pages are known. It grows in place; `changed` is called whenever it did.
 */
export class Outline {
  readonly #fetch: Fetch;
  readonly #expanded: Set<string>;
  readonly #changed: () => void;
  readonly #root = new Branch("[]", 0, 0);
  readonly #loading = new Map<string, Promise<void>>();
  readonly #abort = new AbortController();

  constructor(fetch: Fetch, expanded: Set<string>, changed: () => void) {
    this.#fetch = fetch;
    this.#expanded = expanded;
    this.#changed = changed;
  }

  get count(): number {
    return this.#root.rows;
  }

  /** Ends what is under way. */
  close(): void {
    this.#abort.abort();
  }

  rowAt(at: number): OutlineRow | null {
    const found = this.#root.find(at);
    if (!found) return null;
    const { branch, position, parent } = found;
    return {
      ...(branch.entries.get(position) ?? { kind: "pending" }),
      depth: branch.depth,
      position,
      size: branch.total,
      expanded: branch.open.has(position),
      parent,
    };
  }

  /** The place of an item or namespace among the rows that are known; -1 where it is not. */
  placeOf(ref: string): number {
    for (let at = 0; at < Math.min(this.count, 5000); at++) {
      if (refOf(this.rowAt(at)) === ref) return at;
    }
    return -1;
  }

  /** Loads the first page, and unfolds what is small. */
  async load(unfold: boolean): Promise<void> {
    await this.#page(this.#root, 0);
    for (let at = 0; unfold && at < Math.min(this.count, FEW); at++) {
      await this.ensure(at, at + 1);
      const row = this.rowAt(at);
      if (row?.kind !== "namespace" || row.expanded) continue;
      const { children, ref } = row.namespace;
      if (this.count + children > FEW && this.count > 1) continue;
      this.#expanded.add(ref);
      await this.#unfold(at);
    }
  }

  /** Loads the pages of the rows from `from` to `to`, and of those that appear among them. */
  async ensure(from: number, to: number): Promise<void> {
    for (let round = 0; round < 20; round++) {
      const missing: Promise<void>[] = [];
      for (let at = from; at < Math.min(to, this.count); at++) {
        const found = this.#root.find(at);
        if (!found || found.branch.entries.has(found.position)) continue;
        missing.push(this.#page(found.branch, Math.floor(found.position / OUTLINE_PAGE)));
      }
      if (missing.length === 0) return;
      await Promise.all(missing);
    }
  }

  async toggle(at: number): Promise<void> {
    const found = this.#root.find(at);
    const entry = found?.branch.entries.get(found.position);
    if (!found || entry?.kind !== "namespace") return;
    if (found.branch.open.delete(found.position)) {
      this.#expanded.delete(entry.namespace.ref);
      this.#changed();
      return;
    }
    this.#expanded.add(entry.namespace.ref);
    await this.#unfold(at);
  }

  async #unfold(at: number): Promise<void> {
    const found = this.#root.find(at);
    const entry = found?.branch.entries.get(found.position);
    if (!found || entry?.kind !== "namespace") return;
    const { ref, children } = entry.namespace;
    const branch = new Branch(ref, found.branch.depth + 1, children);
    found.branch.open.set(found.position, branch);
    this.#changed();
    await this.#page(branch, 0);
  }

  #page(branch: Branch, page: number): Promise<void> {
    const key = `${branch.ref}\n${page}`;
    const known = this.#loading.get(key);
    if (known) return known;
    const loading = this.#load(branch, page).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }

  async #load(branch: Branch, page: number): Promise<void> {
    const offset = page * OUTLINE_PAGE;
    const { signal } = this.#abort;
    const { namespaces, items, total } = await this.#fetch(branch.ref, offset, OUTLINE_PAGE, signal);
    if (signal.aborted) return;
    branch.total = total;
    const entries: Entry[] = [
      ...namespaces.map((namespace) => ({ kind: "namespace", namespace }) as const),
      ...items.map((item) => ({ kind: "item", item }) as const),
    ];
    entries.forEach((entry, i) => {
      branch.entries.set(offset + i, entry);
      if (entry.kind === "namespace" && this.#expanded.has(entry.namespace.ref)) {
        const { ref, children } = entry.namespace;
        branch.open.set(offset + i, new Branch(ref, branch.depth + 1, children));
      }
    });
    // An answer shorter than its page says that less is there than was thought.
    if (entries.length < OUTLINE_PAGE) branch.total = Math.min(branch.total, offset + entries.length);
    this.#changed();
  }
}

/** What names a row; null where it is not known yet. */
export function refOf(row: OutlineRow | null): string | null {
  if (row?.kind === "namespace") return row.namespace.ref;
  return row?.kind === "item" ? row.item.ref : null;
}

/** The refs of the namespaces that an item lies in, outermost first, written as Python writes them. */
export function above(ref: string): string[] {
  const parts = JSON.parse(ref) as string[];
  return parts.slice(0, -1).map((_, i) => refTo(parts.slice(0, i + 1)));
}

function refTo(parts: readonly string[]): string {
  return JSON.stringify(parts).replace(
    /[\u0080-\uffff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

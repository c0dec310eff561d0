// The other side of a widget model, in memory: what a test answers is what the kernel says.
import { TREE_COLUMNS, type TreeBatch } from "../src/protocol";
import { ARRAYS, COLUMNS } from "../src/source/columns";
import type { MessageModel } from "../src/source/kernel";
import type { TreeColumns } from "../src/source/types";

type Listener = (message: unknown, buffers: DataView[]) => void;

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever was sent.
type Sent = any;

export class Model implements MessageModel {
  readonly sent: Sent[] = [];
  readonly listeners = new Set<Listener>();

  send(content: unknown): void {
    this.sent.push(content);
  }

  on(_event: "msg:custom", listener: Listener): void {
    this.listeners.add(listener);
  }

  off(_event: "msg:custom", listener: Listener): void {
    this.listeners.delete(listener);
  }

  say(message: unknown, buffers: DataView[] = []): void {
    for (const listener of [...this.listeners]) listener(message, buffers);
  }

  /** The newest request of a method. */
  request(method: string): Sent {
    const found = this.sent.findLast((message) => message.method === method);
    if (!found) throw new Error(`${method} was not asked`);
    return found;
  }

  count(method: string): number {
    return this.sent.filter((message) => message.method === method).length;
  }

  async answer(method: string, result: unknown, buffers: DataView[] = []): Promise<void> {
    this.say({ id: this.request(method).id, result }, buffers);
    await settle();
  }
}

/** Lets promises that are ready run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** A column as it travels. One byte in: a real message's buffers lie at any offset too. */
function packed(name: keyof TreeColumns, values: readonly number[]): DataView {
  const numbers = new Uint8Array(new ARRAYS[TREE_COLUMNS[name]](values).buffer);
  const view = new DataView(new ArrayBuffer(numbers.length + 1), 1);
  new Uint8Array(view.buffer, 1).set(numbers);
  return view;
}

export interface RowSpec {
  label: string;
  parent: number;
  lane?: number;
  depth?: number;
  flags?: number;
  title?: string[];
  changed?: string[];
  time?: number;
}

/** A batch as it travels, with its buffers. Ids are the labels with a prefix. */
export function batchOf(rows: readonly RowSpec[], start = 0): { tree: TreeBatch; buffers: DataView[] } {
  const part = rows.slice(start);
  const values: Record<keyof TreeColumns, number[]> = {
    parent: part.map((row) => row.parent),
    lane: part.map((row) => row.lane ?? 0),
    depth: part.map((row) => row.depth ?? 0),
    time: part.map((row) => row.time ?? Number.NaN),
    flags: part.map((row) => row.flags ?? 0),
    title: part.map((_, i) => i),
    changed: part.map((_, i) => i),
  };
  const tree: TreeBatch = {
    start,
    count: part.length,
    ids: part.map((row) => `id-${row.label}`),
    labels: part.map((row) => row.label),
    titles: part.map((row) => row.title ?? []),
    changes: part.map((row) => row.changed ?? []),
    columns: Object.fromEntries(COLUMNS.map((name, i) => [name, i])),
  };
  return { tree, buffers: COLUMNS.map((name) => packed(name, values[name])) };
}

/** Two branches at c1, and a subgraph with one of its own below c2. */
export const ROWS: readonly RowSpec[] = [
  { label: "c0", parent: -1, flags: 1, changed: ["messages"] },
  { label: "c1", parent: 0, title: ["agent"], changed: ["messages", "plan"] },
  { label: "c2", parent: 1, title: ["tools"] },
  { label: "c2.1", parent: 2, depth: 1, title: [] },
  { label: "c2.2", parent: 3, depth: 1, title: ["judge"] },
  { label: "c2.2.1", parent: 4, depth: 2, title: [] },
  { label: "c2.3", parent: 4, depth: 1, title: ["revise"] },
  { label: "c3", parent: 2, title: ["critic"] },
  { label: "c4", parent: 1, lane: 1, flags: 2, title: ["user"] },
  { label: "c5", parent: 8, lane: 1, title: ["agent"] },
];

// Decodes what a source answers: the columns of a tree come as bytes.
import type { Column, RefreshView, ThreadView, TreeBatch } from "../protocol";
import type { Method, OpenedThread, Refreshed, TreeRows } from "./types";

/** A column's numbers. Buffers arrive at any offset, typed arrays need an aligned one: always copied. */
export function decodeColumn(column: Column, buffers: readonly DataView[]): ArrayBuffer {
  const view = buffers[column.buffer];
  if (!view) throw new Error(`The answer lacks its buffer ${column.buffer}.`);
  return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) as ArrayBuffer;
}

export function decodeTree(batch: TreeBatch, buffers: readonly DataView[]): TreeRows {
  return {
    ...batch,
    parent: new Int32Array(decodeColumn(batch.parent, buffers)),
    lane: new Uint16Array(decodeColumn(batch.lane, buffers)),
    depth: new Uint8Array(decodeColumn(batch.depth, buffers)),
    time: new Float64Array(decodeColumn(batch.time, buffers)),
    flags: new Uint16Array(decodeColumn(batch.flags, buffers)),
    title: new Int32Array(decodeColumn(batch.title, buffers)),
    changed: new Int32Array(decodeColumn(batch.changed, buffers)),
  };
}

/** A result off the wire as views see it. */
export function decodeResult(method: Method, result: unknown, buffers: readonly DataView[]): unknown {
  if (method === "thread_open") {
    const view = result as ThreadView;
    return { ...view, tree: decodeTree(view.tree, buffers) } satisfies OpenedThread;
  }
  if (method === "thread_refresh") return decodeRefresh(result as RefreshView, buffers);
  return result;
}

export function decodeRefresh(view: RefreshView, buffers: readonly DataView[]): Refreshed {
  return { ...view, tree: view.tree ? decodeTree(view.tree, buffers) : null };
}

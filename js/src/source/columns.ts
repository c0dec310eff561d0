// The tree's columns off the wire, by the one table that Python and the views share.
import { t } from "../lib/words";
import {
  type Early,
  type MediaData,
  type ThreadView,
  TREE_COLUMNS,
  type TreeBatch,
  type TreeNews,
} from "../protocol";
import type {
  EarlyThread,
  MediaBytes,
  Method,
  OpenedThread,
  Refreshed,
  TreeColumns,
  TreeRows,
} from "./types";

/** The array that holds a column's numbers, by the type the protocol names. */
export const ARRAYS = { u1: Uint8Array, u2: Uint16Array, i4: Int32Array, f8: Float64Array } as const;

/** The columns' names. */
export const COLUMNS = Object.keys(TREE_COLUMNS) as (keyof TreeColumns)[];

/** A column's numbers. Buffers arrive at any offset, typed arrays need an aligned one: always copied. */
function numbers(name: keyof TreeColumns, batch: TreeBatch, buffers: readonly DataView[]) {
  const view = buffers[batch.columns[name] ?? -1];
  if (!view) throw new Error(t("The answer lacks the buffer of its column {name}.", { name }));
  const { buffer, byteOffset, byteLength } = view;
  return new ARRAYS[TREE_COLUMNS[name]](buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
}

/** The buffer that stands as base64 where messages carry none. */
export function bufferOf(base64: string): DataView {
  return new DataView(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)).buffer);
}

export function decodeTree(batch: TreeBatch, buffers: readonly DataView[]): TreeRows {
  const columns = Object.fromEntries(COLUMNS.map((name) => [name, numbers(name, batch, buffers)]));
  return { ...batch, ...(columns as unknown as TreeColumns) };
}

/** A result off the wire as views see it. */
export function decodeResult(method: Method, result: unknown, buffers: readonly DataView[]): unknown {
  if (method === "media_get") {
    const { mime, buffer } = result as MediaData;
    const data = buffers[buffer];
    if (!data) throw new Error(t("The answer lacks its bytes."));
    return { mime, data } satisfies MediaBytes;
  }
  if (method !== "thread_open") return result;
  const view = result as ThreadView;
  return { ...view, tree: decodeTree(view.tree, buffers) } satisfies OpenedThread;
}

export function decodeNews(news: TreeNews, buffers: readonly DataView[]): Refreshed {
  return { ...news, tree: news.tree ? decodeTree(news.tree, buffers) : null };
}

/** The newest rows as a tree of their own: what they came from is older, and not here. */
export function decodeEarly(early: Early, buffers: readonly DataView[]): EarlyThread {
  const tree = decodeTree(early.thread.tree, buffers);
  const parent = tree.parent.map((row) => Math.max(-1, row - tree.start));
  return { ...early, thread: { ...early.thread, tree: { ...tree, parent, start: 0 } } };
}

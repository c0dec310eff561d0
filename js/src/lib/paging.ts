// Parts of a value: pages of children and of text, joined, and a whole value gathered to be copied.

import type { MessageView, TableView, ValueItem, ValueNode } from "../protocol";
import type { MediaBytes, Params, Source } from "../source/types";
import { characters, thousands } from "./format";
import { t } from "./words";

/** Asks for a part of one channel's value: `offset` and `limit` count children, for text its characters. */
export interface Load {
  (path: readonly number[], offset: number, limit: number, signal?: AbortSignal): Promise<ValueNode>;
  /** Asks for the bytes of a picture, a sound or a file; absent where they are not to be had. */
  media?: (path: readonly number[], signal: AbortSignal) => Promise<MediaBytes>;
}

export const PAGE = 100;
export const TEXT_PAGE = 20_000;

const CONTAINERS = new Set(["list", "dict", "set", "object", "array", "frame", "message"]);

export function isContainer(node: ValueNode): boolean {
  return CONTAINERS.has(node.kind);
}

/** Position of the first child sent: a list may come with its end only. */
export function firstPosition(node: ValueNode): number {
  if (node.kind !== "list") return 0;
  const key = Number(node.items?.[0]?.key ?? 0);
  return Number.isInteger(key) && key >= 0 ? key : 0;
}

/** How many children there are, as far as is known. */
export function total(node: ValueNode): number {
  return node.size ?? (node.items?.length ?? 0) + (isContainer(node) ? node.more : 0);
}

/** Whether opening it shows more than its line does. */
export function expandable(node: ValueNode, canLoad: boolean): boolean {
  if (node.media && node.media.kind !== "file") return true;
  if (node.kind === "string") return node.text.includes("\n") || node.text.length > 90 || node.more > 0;
  if (node.message || node.table) return true;
  if (!isContainer(node) || node.size === 0) return false;
  return (node.items?.length ?? 0) > 0 || (canLoad && node.items === undefined) || (canLoad && node.more > 0);
}

/** Characters of a text that one click brings, and that are copied: a text may be longer than a browser holds. */
export const MOST_TEXT = 200_000;
const MOST_COPIED = 5_000_000;

/** `count` characters of a text from `start` on, both in Python's characters. */
export async function textFrom(
  load: Load,
  path: readonly number[],
  start: number,
  count: number,
): Promise<string> {
  const parts: string[] = [];
  for (let at = start; at < start + count; ) {
    const { text } = await load(path, at, Math.min(TEXT_PAGE, start + count - at));
    if (text === "") break;
    parts.push(text);
    at += characters(text);
  }
  return parts.join("");
}

/** The same of a message: of its content, its first child, or of what Python reads from its blocks. */
export async function messageFrom(
  load: Load,
  path: readonly number[],
  start: number,
  count: number,
): Promise<string> {
  const content = await load([...path, 0], 0, 1);
  if (content.kind === "string") return textFrom(load, [...path, 0], start, count);
  const { message } = await load(path, 0, start + count);
  return [...(message?.text ?? "")].slice(start, start + count).join("");
}

/** A whole text of which `known` was sent and `more` characters are missing. */
async function whole(
  from: typeof textFrom,
  load: Load,
  path: readonly number[],
  known: string,
  more: number,
): Promise<string> {
  if (more > MOST_COPIED)
    throw new RangeError(t("The text is too long to copy: read it with Copy as Python."));
  return known + (await from(load, path, characters(known), more));
}

/** Most parts a copied value may have: beyond, the copy says so instead of stalling the kernel. */
export const MOST = 5_000;

/** The whole value as JSON-like text, loading what was not sent. */
export async function gather(
  node: ValueNode,
  load: Load | undefined,
  path: readonly number[],
): Promise<string> {
  let left = MOST;
  const visit = async (part: ValueNode, at: readonly number[]): Promise<unknown> => {
    left -= 1;
    if (left < 0)
      throw new RangeError(
        t("The value has more than {n} parts: read it with Copy as Python.", { n: thousands(MOST) }),
      );
    switch (part.kind) {
      case "null":
        return null;
      case "bool":
        return part.text.toLowerCase() === "true";
      case "number":
        return Number.isFinite(Number(part.text)) && part.text.length < 16 ? Number(part.text) : part.text;
      case "string":
        return part.more > 0 && load ? whole(textFrom, load, at, part.text, part.more) : part.text;
      case "message":
        return part.message ? message(part.message, at) : part.text;
      case "list":
      case "set":
      case "dict":
      case "object": {
        const items = await children(part, at);
        if (!items) return part.text;
        const values: [string, unknown][] = [];
        for (const [i, item] of items.entries()) values.push([item.key, await visit(item.value, [...at, i])]);
        return part.kind === "list" || part.kind === "set"
          ? values.map(([, value]) => value)
          : Object.fromEntries(values);
      }
      case "array":
      case "frame":
        return part.table ? table(part, part.table, at) : part.text;
      default:
        return part.text;
    }
  };
  const table = async (part: ValueNode, sent: TableView, at: readonly number[]) => {
    const wider = sent.width > sent.columns.length && load ? (await load(at, 0, 500)).table : undefined;
    const { columns, index, rows, width } = wider ?? sent;
    const size = part.size ?? rows.length;
    if (width > columns.length || size > MOST)
      throw new RangeError(t("The table is too large to copy: read it with Copy as Python."));
    const lines = rows.map((row, i) => [index[i] ?? "", ...row]);
    while (load && lines.length < size) {
      const page = (await load(at, lines.length, 500)).table;
      if (!page?.rows.length) break;
      lines.push(...page.rows.map((row, i) => [page.index[i] ?? "", ...row]));
    }
    return [["", ...columns], ...lines].map((line) => line.map(quotedCell).join(",")).join("\n");
  };
  const message = async (view: MessageView, at: readonly number[]) => ({
    type: view.role,
    content:
      view.blocks.length > 0 && load
        ? await visit(await load([...at, 0], 0, 1000), [...at, 0])
        : view.more > 0 && load
          ? await whole(messageFrom, load, at, view.text, view.more)
          : view.text,
    ...(view.name === null ? {} : { name: view.name }),
    ...(view.id === null ? {} : { id: view.id }),
    ...(view.tool_call_id === null ? {} : { tool_call_id: view.tool_call_id }),
    ...(view.tool_calls.length === 0
      ? {}
      : {
          tool_calls: await Promise.all(
            view.tool_calls.map(async (call) => ({
              name: call.name,
              args: Object.fromEntries(
                await Promise.all(
                  call.args.map(async (arg) => [arg.key, await visit(arg.value, at)] as const),
                ),
              ),
              id: call.id,
            })),
          ),
        }),
  });
  const children = async (part: ValueNode, at: readonly number[]): Promise<ValueItem[] | null> => {
    if (part.size === 0) return [];
    if (part.items && part.more === 0 && firstPosition(part) === 0) return part.items;
    if (!load) return null;
    const items: ValueItem[] = [];
    const size = total(part);
    do {
      const page = await load(at, items.length, 1000);
      if (!page.items?.length) break;
      items.push(...page.items);
    } while (items.length < size && items.length <= MOST);
    return items;
  };
  const value = await visit(node, path);
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** A cell of comma-separated values. */
function quotedCell(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Asks a source for parts of one channel's value. */
export function loader(source: Source, checkpoint: string, channel: string): Load {
  const load: Load = (path, offset, limit, signal) =>
    source.request(
      "value_get",
      { checkpoint, channel, path: [...path], offset, limit },
      signal ? { signal } : {},
    );
  load.media = (path, signal) =>
    source.request("media_get", { checkpoint, channel, path: [...path] }, { signal });
  return load;
}

/** Asks for parts of an item of memory, or of one of its fields. */
export function memoryLoader(
  source: Source,
  item: Pick<Params<"memory_value">, "checkpoint" | "ref" | "version" | "field">,
): Load {
  return (path, offset, limit, signal) =>
    source.request("memory_value", { ...item, path: [...path], offset, limit }, signal ? { signal } : {});
}

/** A list of which every item sent is a message. */
export function isChat(value: ValueNode): boolean {
  const items = value.items ?? [];
  return value.kind === "list" && items.length > 0 && items.every((item) => item.value.message !== undefined);
}

// Whole values: cut to what a screen holds, searched, written as raw text.
import { sizeOf, sliceOf } from "../lib/points";
import { t } from "../lib/words";
import type { ValueItem, ValueNode } from "../protocol";
import { ProtocolError } from "./error";

/** A value with all that is in it (lgviz/page/whole.py makes it). Equal ones are one object. */
export interface WholeNode extends Omit<ValueNode, "items"> {
  items?: WholeItem[];
  /** The bytes of a picture, a sound or a file, in base64. */
  data?: string;
  /** Rows of a table that are not in the page. */
  left?: number;
}

/** A part of a value; `of`: the type of its key in a dict, where that is no text. */
export interface WholeItem {
  key: string;
  of?: string;
  value: WholeNode;
}

/** As `lgviz/backend/value_views.py` cuts: items of a container, characters of a text, nodes of an answer. */
const ITEMS = 50;
const TEXT = 2_000;
const NODES = 400;

/** A node as a view shows it; `offset` and `limit` of its children, or of its characters. */
export function cut(whole: WholeNode, offset = 0, limit: number | null = null): ValueNode {
  const root = bare(whole, offset, limit ?? TEXT);
  let left = NODES;
  const waiting: [WholeNode, ValueNode, number, number][] = [[whole, root, offset, limit ?? ITEMS]];
  for (let place = 0; place < waiting.length; place++) {
    const [from, to, start, most] = waiting[place] as (typeof waiting)[number];
    if (from.items === undefined) {
      if (from.table) to.table = tableOf(from, start, limit === null || place > 0 ? 8 : most);
      continue;
    }
    to.more = from.items.length;
    // A message is drawn as a message: its fields are asked for by themselves.
    if (from.kind === "message" && !(place === 0 && (offset > 0 || limit !== null))) continue;
    if (left <= 0 && place > 0) continue;
    const items: ValueItem[] = [];
    for (const { key, value } of from.items.slice(start, start + most)) {
      if (left-- <= 0 && items.length > 0) break;
      const shown = bare(value, 0, TEXT);
      items.push({ key, value: shown });
      waiting.push([value, shown, 0, ITEMS]);
    }
    to.items = items;
    to.more = Math.max(0, from.items.length - start - items.length);
  }
  return root;
}

/** A node without its children. */
function bare(whole: WholeNode, offset: number, text: number): ValueNode {
  const { items, data, left, table, ...node } = whole;
  if (node.kind === "string" || node.kind === "bytes") {
    const most = node.media && offset === 0 ? Math.min(text, 120) : text;
    const shown = sliceOf(node.text, offset, offset + most);
    return { ...node, text: shown, more: Math.max(0, sizeOf(node.text) - offset - sizeOf(shown)) };
  }
  if (node.message && node.message.text.length > 4_000) {
    const all = node.message.text;
    return { ...node, message: { ...node.message, text: all.slice(0, 4_000), more: all.length - 4_000 } };
  }
  return node;
}

function tableOf(whole: WholeNode, start: number, rows: number): ValueNode["table"] {
  const { table } = whole;
  if (!table) return undefined;
  return {
    ...table,
    index: table.index.slice(start, start + rows),
    rows: table.rows.slice(start, start + rows),
  };
}

/** The part at a path of child positions. */
export function partAt(whole: WholeNode, path: readonly number[]): WholeNode {
  let part = whole;
  for (const position of path) {
    const child = part.items?.[position];
    if (!child) throw new ProtocolError("not_found", t("It is not in this page."));
    part = child.value;
  }
  return part;
}

// ---------------------------------------------------------------- search

interface Found {
  path: string;
  text: string;
}

/** The texts in a value that hold a text (lower case); what was `seen` is told no second time. */
export function* searchIn(whole: WholeNode, wanted: string, seen: Set<WholeNode>): Generator<Found> {
  const waiting: [string, WholeNode][] = [["", whole]];
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [path, node] = next;
    if (seen.has(node)) continue;
    seen.add(node);
    const { message } = node;
    if (message) {
      const place = `${path}.${message.role}`;
      const texts = [message.text, ...message.blocks.map(({ text }) => text), message.name ?? ""];
      for (const text of new Set(texts)) if (text.toLowerCase().includes(wanted)) yield { path: place, text };
      for (const call of message.tool_calls) {
        const args = call.args.map(({ key, value }) => `${key}: ${value.text}`).join(", ");
        const text = `${call.name}(${args})`;
        if (text.toLowerCase().includes(wanted)) yield { path: place, text };
      }
      continue;
    }
    const texts = node.items ? [] : [node.text, ...(node.table?.rows.flat() ?? [])];
    for (const text of texts) if (text.toLowerCase().includes(wanted)) yield { path, text };
    const listed = node.kind === "list" || node.kind === "set" || node.kind === "array";
    for (const { key, value } of node.items ?? []) {
      if (!listed && key.toLowerCase().includes(wanted)) yield { path: `${path}.${key}`, text: key };
      waiting.push([listed ? `${path}[${key}]` : `${path}.${key}`, value]);
    }
  }
}

/** Where in a value the text of a hit stands: the last such place; null: nowhere. */
export function findPath(whole: WholeNode, before: string, match: string, after: string): number[] | null {
  const flat = (text: string) => text.replace(/\s+/g, " ");
  const wanted = flat(before.replace(/^…/, "") + match + after.replace(/…$/, ""));
  let found: number[] | null = null;
  const waiting: [number[], WholeNode][] = [[[], whole]];
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [path, node] = next;
    const { message } = node;
    const texts = message ? [message.text, ...message.blocks.map(({ text }) => text)] : [node.text];
    if (!(node.items && !message) && texts.some((text) => flat(text).includes(wanted))) found = path;
    if (message) continue;
    node.items?.forEach(({ key, value }, i) => {
      if (node.kind === "dict" && flat(key).includes(wanted)) found = [...path, i];
      waiting.push([[...path, i], value]);
    });
  }
  return found;
}

// ---------------------------------------------------------------- raw

/** The raw text of a checkpoint with its values put in. */
export function rawText(head: string, channels: readonly { name: string; value: WholeNode }[]): string {
  const lines = channels.map(({ name, value }) => `\n    ${JSON.stringify(name)}: ${written(value, "    ")}`);
  const values = `"channel_values": ${lines.length > 0 ? `{${lines.join(",")}\n  }` : "{}"}`;
  const at = head.indexOf("\n", 2);
  const cutAt = 60_000;
  const text = at < 0 ? head : `${head.slice(0, at).replace(/,?$/, ",")}\n  ${values}${tail(head.slice(at))}`;
  return text.length > cutAt ? `${text.slice(0, cutAt)} …` : text;
}

/** What follows the id: after a comma, unless nothing does. */
function tail(rest: string): string {
  return rest.trim() === "}" ? rest : `,${rest}`;
}

function written(node: WholeNode, indent: string): string {
  if (node.kind === "string") return JSON.stringify(node.text);
  if (node.kind === "null") return "null";
  if (node.kind === "bool") return node.text.toLowerCase();
  const { items } = node;
  if (!items || items.length === 0) {
    const empty: Partial<Record<ValueNode["kind"], string>> = { dict: "{}", list: "[]", set: "[]" };
    return empty[node.kind] ?? node.text;
  }
  const listed = node.kind === "list" || node.kind === "set" || node.kind === "array";
  const inner = `${indent}  `;
  const parts = items
    .slice(0, 200)
    .map(({ key, value }) => `\n${inner}${listed ? "" : `${JSON.stringify(key)}: `}${written(value, inner)}`);
  if (items.length > 200) parts.push(`\n${inner}… ${items.length - 200}`);
  const name = node.type === "dict" || node.type === "list" ? "" : `${node.type} `;
  return `${name}${listed ? "[" : "{"}${parts.join(",")}\n${indent}${listed ? "]" : "}"}`;
}

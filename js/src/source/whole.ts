// Whole values: cut to what a screen holds, differed, searched, written as raw text.
import { t, tn } from "../lib/words";
import type {
  ChangeKind,
  ChangeView,
  ChannelDiff,
  DiffView,
  TextPart,
  ValueItem,
  ValueNode,
} from "../protocol";
import { ProtocolError } from "./error";

/** A value with all that is in it (lgviz/page/whole.py makes it). Equal ones are one object. */
export interface WholeNode extends Omit<ValueNode, "items"> {
  items?: { key: string; value: WholeNode }[];
  /** The bytes of a picture, a sound or a file, in base64. */
  data?: string;
  /** Rows of a table that are not in the page. */
  left?: number;
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
    const shown = node.text.slice(offset, offset + most);
    return { ...node, text: shown, more: Math.max(0, node.text.length - offset - shown.length) };
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

// ---------------------------------------------------------------- diff

interface Named {
  name: string;
  internal: boolean;
  reducer?: string | null;
  value: WholeNode;
}

/** Changes of a channel that are shown, as in `lgviz/backend/diff_views.py`. */
const CHANGES = 60;

/** What changed from one state to another, of any two. What is equal is one object and is not opened. */
export function differ(
  before: ReadonlyMap<string, Named>,
  after: ReadonlyMap<string, Named>,
  old: string | null,
  now: string | null,
): DiffView {
  const channels: ChannelDiff[] = [];
  const unchanged: string[] = [];
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const from = before.get(name);
    const to = after.get(name);
    if (from?.value === to?.value) {
      if (!(to ?? from)?.internal) unchanged.push(name);
      continue;
    }
    const changes = [...changesOf(from?.value ?? null, to?.value ?? null, "", [], [])];
    if (changes.length === 0) {
      unchanged.push(name);
      continue;
    }
    channels.push({
      channel: name,
      internal: (to ?? from)?.internal ?? false,
      summary: summaryOf(changes),
      reducer: (to ?? from)?.reducer ?? null,
      who: null,
      changes: changes.slice(0, CHANGES),
      more: Math.max(0, changes.length - CHANGES),
    });
  }
  return { before: old, after: now, channels, unchanged, internal: 0 };
}

/** As `channel_summary` in Python says it. */
function summaryOf(changes: readonly ChangeView[]): string {
  const [only] = changes;
  if (only && changes.length === 1 && !(only.before ?? only.after)?.message) {
    if (only.kind === "changed") return only.words ? t("words changed") : t("set");
    if (only.path === "") return only.kind === "added" ? t("new") : t("removed");
  }
  const count = (kind: ChangeKind) => changes.filter((one) => one.kind === kind).length;
  const said = [
    count("added") && tn("one added", "{n} added", count("added")),
    count("removed") && tn("one removed", "{n} removed", count("removed")),
    count("changed") && tn("one changed", "{n} changed", count("changed")),
  ];
  return said.filter(Boolean).join(", ");
}

function* changesOf(
  from: WholeNode | null,
  to: WholeNode | null,
  path: string,
  fromAt: readonly number[],
  toAt: readonly number[],
): Generator<ChangeView> {
  if (from === to) return;
  if (from === null || to === null) {
    yield change(from, to, path, fromAt, toAt);
    return;
  }
  const together = from.kind === to.kind && from.type === to.type;
  if (together && from.items && to.items && (from.kind === "dict" || from.kind === "object")) {
    const old = placesOf(from.items);
    const now = placesOf(to.items);
    for (const key of new Set([...old.keys(), ...now.keys()])) {
      const [a, i] = old.get(key) ?? [null, -1];
      const [b, j] = now.get(key) ?? [null, -1];
      yield* changesOf(a, b, path + step(key), [...fromAt, i], [...toAt, j]);
    }
    return;
  }
  if (together && from.items && to.items && from.kind === "list") {
    for (const [i, j] of aligned(from.items, to.items)) {
      const id = (to.items[j] ?? from.items[i])?.value.message?.id;
      const key = id ? `${path}#${id.slice(0, 60)}` : `${path}[${j >= 0 ? j : i}]`;
      yield* changesOf(
        from.items[i]?.value ?? null,
        to.items[j]?.value ?? null,
        key,
        [...fromAt, i],
        [...toAt, j],
      );
    }
    return;
  }
  yield change(from, to, path, fromAt, toAt);
}

/** A step of a path as Python writes it: `.cabin`, `["x y"]`. */
function step(key: string): string {
  return /^[\p{ID_Start}_][\p{ID_Continue}]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

type Items = NonNullable<WholeNode["items"]>;

function placesOf(items: Items): Map<string, [WholeNode, number]> {
  return new Map(items.map(({ key, value }, i) => [key, [value, i]]));
}

/** Which items of two lists belong together: messages by their id, others where they are equal, what lies between in order. */
function aligned(old: Items, now: Items): [number, number][] {
  const ids = (items: Items) => items.map(({ value }) => value.message?.id ?? null);
  const [before, after] = [ids(old), ids(now)];
  if ([...before, ...after].every((id) => id !== null) && new Set(after).size === after.length) {
    const places = new Map(after.map((id, j) => [id, j]));
    const kept = before.map((id, i): [number, number] => [i, places.get(id) ?? -1]);
    const there = new Set(before);
    return [...kept, ...after.flatMap((id, j): [number, number][] => (there.has(id) ? [] : [[-1, j]]))];
  }
  let start = 0;
  while (start < Math.min(old.length, now.length) && old[start]?.value === now[start]?.value) start++;
  let end = 0;
  const rest = Math.min(old.length, now.length) - start;
  while (end < rest && old[old.length - 1 - end]?.value === now[now.length - 1 - end]?.value) end++;
  const [left, right] = [old.length - end, now.length - end];
  const pairs: [number, number][] = [];
  const paired = Math.min(left, right) - start;
  for (let k = 0; k < paired; k++) pairs.push([start + k, start + k]);
  for (let i = start + paired; i < left; i++) pairs.push([i, -1]);
  for (let j = start + paired; j < right; j++) pairs.push([-1, j]);
  return pairs;
}

function change(
  from: WholeNode | null,
  to: WholeNode | null,
  path: string,
  fromAt: readonly number[],
  toAt: readonly number[],
): ChangeView {
  const [old, now] = [saidBy(from), saidBy(to)];
  const words = old && now && old !== now ? wordsOf(old, now) : null;
  return {
    path,
    kind: from === null ? "added" : to === null ? "removed" : "changed",
    before: from && cut(from),
    after: to && cut(to),
    before_at: from && [...fromAt],
    after_at: to && [...toAt],
    words,
  };
}

/** The text of a string or a message. */
function saidBy(node: WholeNode | null): string | null {
  return node?.message?.text ?? (node?.kind === "string" ? node.text : null);
}

/** What two long texts share at their beginning and end, and what lies between. */
function wordsOf(from: string, to: string): TextPart[] | null {
  if (from.length < 60 && to.length < 60) return null;
  let start = 0;
  const most = Math.min(from.length, to.length);
  while (start < most && from[start] === to[start]) start++;
  while (start > 0 && /\S/.test(from[start - 1] ?? "")) start--;
  let end = 0;
  while (end < most - start && from.at(-1 - end) === to.at(-1 - end)) end++;
  while (end > 0 && /\S/.test(from.at(-end) ?? "")) end--;
  const parts: [TextPart["op"], string, number, number][] = [
    ["=", from.slice(0, start), 0, 0],
    ["-", from.slice(start, from.length - end), start, start],
    ["+", to.slice(start, to.length - end), from.length - end, start],
    ["=", from.slice(from.length - end), from.length - end, to.length - end],
  ];
  return parts
    .filter(([, text]) => text !== "")
    .map(([op, text, before, after]) => ({
      op,
      text: text.slice(0, TEXT),
      before,
      after,
      left_out: Math.max(0, text.length - TEXT),
    }));
}

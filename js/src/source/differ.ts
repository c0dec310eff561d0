// The difference of two states of whole values, as `lgviz/analysis/compare.py` finds it (a test holds the two against each other).
import { align } from "../lib/align";
import { isProse, textParts } from "../lib/textdiff";
import { t, tn } from "../lib/words";
import type { ChangeKind, ChangeView, ChannelDiff, DiffView } from "../protocol";
import { cut, type WholeItem, type WholeNode } from "./whole";

interface Named {
  name: string;
  internal: boolean;
  reducer?: string | null;
  value: WholeNode;
}

/** A change; `reordered`: only the order of its parts did. */
interface Found extends ChangeView {
  message: boolean;
  reordered: boolean;
}

/** A side of a part: its value, and where it stands. */
interface Side {
  value: WholeNode;
  at: readonly number[];
}

/** Changes of a channel that are shown, as in `lgviz/backend/diff_views.py`. */
const CHANGES = 60;
/** Parts that are looked at below one another. */
const DEPTH = 40;
/** Others are told as a whole, a message and a table too. */
const OPENED: ReadonlySet<WholeNode["kind"]> = new Set(["dict", "list", "object", "set"]);

/** What changed from one state to another, of any two. What is equal is one object and is not opened. */
export function differ(
  before: ReadonlyMap<string, Named>,
  after: ReadonlyMap<string, Named>,
  old: string | null,
  now: string | null,
): DiffView {
  const channels: ChannelDiff[] = [];
  const unchanged: string[] = [];
  for (const name of new Set([...after.keys(), ...before.keys()])) {
    const [from, to] = [before.get(name), after.get(name)];
    const changes = [...changesOf(rootOf(from), rootOf(to), "", 0)];
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
      changes: changes.slice(0, CHANGES).map(({ message, reordered, ...change }) => change),
      more: Math.max(0, changes.length - CHANGES),
    });
  }
  return { before: old, after: now, channels, unchanged, internal: 0 };
}

function rootOf(channel: Named | undefined): Side | null {
  return channel ? { value: channel.value, at: [] } : null;
}

/** As `channel_summary` in Python says it. */
function summaryOf(changes: readonly Found[]): string {
  const [only] = changes;
  if (only && changes.length === 1) {
    if (only.reordered) return t("reordered");
    if (only.kind === "changed" && !only.message) return only.words ? t("words changed") : t("set");
    if (only.path === "")
      return only.kind === "added" ? t("new") : only.kind === "removed" ? t("removed") : t("changed");
  }
  const count = (kind: ChangeKind) => changes.filter((one) => one.kind === kind && !one.reordered).length;
  const said = [
    count("added") && tn("one added", "{n} added", count("added")),
    count("removed") && tn("one removed", "{n} removed", count("removed")),
    count("changed") && tn("one changed", "{n} changed", count("changed")),
    changes.some((one) => one.reordered) && t("reordered"),
  ];
  return said.filter(Boolean).join(", ");
}

function* changesOf(from: Side | null, to: Side | null, path: string, depth: number): Generator<Found> {
  if (from?.value === to?.value) return;
  if (from === null || to === null || depth >= DEPTH) {
    yield change(from, to, path);
    return;
  }
  const [a, b] = [from.value, to.value];
  if (a.kind !== b.kind || a.type !== b.type || !OPENED.has(a.kind)) {
    yield change(from, to, path);
    return;
  }
  let count = 0;
  for (const each of insideOf(from, to, path, depth)) {
    count++;
    yield each;
  }
  // Sets have no order; what else has equal parts has them in another.
  if (count === 0 && a.kind !== "set") yield { ...change(from, to, path), reordered: true };
}

function insideOf(from: Side, to: Side, path: string, depth: number): Generator<Found> {
  if (from.value.kind === "list") return listed(from, to, path, depth);
  return from.value.kind === "set" ? held(from, to, path) : named(from, to, path, depth);
}

/** The item at a position of a side. */
function itemAt(side: Side, position: number): Side {
  return { value: ((side.value.items ?? [])[position] as WholeItem).value, at: [...side.at, position] };
}

// ---------------------------------------------------------------- dicts, objects and sets

function* named(from: Side, to: Side, path: string, depth: number): Generator<Found> {
  const [old, now] = [placesOf(from), placesOf(to)];
  for (const [key, [i, item]] of old)
    if (!now.has(key)) yield change(itemAt(from, i), null, path + step(item));
  for (const [key, [j, item]] of now) {
    const i = old.get(key)?.[0];
    yield* changesOf(i === undefined ? null : itemAt(from, i), itemAt(to, j), path + step(item), depth + 1);
  }
}

/** By key, of a text or of something else: the position and the item. */
function placesOf({ value }: Side): Map<string, [number, WholeItem]> {
  return new Map((value.items ?? []).map((item, i) => [`${item.of ?? ""} ${item.key}`, [i, item]]));
}

function* held(from: Side, to: Side, path: string): Generator<Found> {
  const values = (side: Side) => new Set((side.value.items ?? []).map(({ value }) => value));
  const [old, now] = [values(from), values(to)];
  const only = function* (side: Side, other: ReadonlySet<WholeNode>) {
    for (let i = 0; i < (side.value.items ?? []).length; i++) {
      const item = itemAt(side, i);
      if (!other.has(item.value)) yield item;
    }
  };
  for (const item of only(from, now)) yield change(item, null, path + elementStep(item.value));
  for (const item of only(to, old)) yield change(null, item, path + elementStep(item.value));
}

/** A step of a path as Python writes it: `.cabin`, `["x y"]`; a key that is no text as it is: `[(1, 2)]`. */
function step({ key, of }: Pick<WholeItem, "key" | "of">): string {
  if (of !== undefined) return `[${short(key)}]`;
  return /^[\p{ID_Start}_][\p{ID_Continue}]*$/u.test(key) ? `.${key}` : `[${short(quoted(key))}]`;
}

function elementStep({ kind, text }: WholeNode): string {
  return step(kind === "string" ? { key: text } : { key: text, of: kind });
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

// ---------------------------------------------------------------- lists

function* listed(from: Side, to: Side, path: string, depth: number): Generator<Found> {
  const [a, b] = [from.value.items ?? [], to.value.items ?? []];
  const [old, now] = [idsOf(a), idsOf(b)];
  if (old && now) {
    for (const [id, i] of old) if (!now.has(id)) yield change(itemAt(from, i), null, path + nameOf(a, i));
    for (const [id, j] of now) {
      const i = old.get(id);
      yield* changesOf(
        i === undefined ? null : itemAt(from, i),
        itemAt(to, j),
        path + nameOf(b, j),
        depth + 1,
      );
    }
    const kept = [...old.keys()].filter((id) => now.has(id));
    const again = [...now.keys()].filter((id) => old.has(id));
    if (kept.some((id, k) => again[k] !== id)) yield { ...change(from, to, path), reordered: true };
    return;
  }
  const token = ({ value }: WholeItem) => value.message?.id || value;
  const blocks = align(a.map(token), b.map(token));
  let [i, j] = [0, 0];
  for (const [x, y, n] of [...blocks, [a.length, b.length, 0] as const]) {
    yield* gap(from, to, path, depth, [i, x, j, y]);
    // A message is known by its id, and may say something else.
    for (let k = 0; k < n; k++)
      yield* changesOf(itemAt(from, x + k), itemAt(to, y + k), path + nameOf(b, y + k), depth + 1);
    [i, j] = [x + n, y + n];
  }
}

/** What stands between what two lists share. */
function* gap(
  from: Side,
  to: Side,
  path: string,
  depth: number,
  [start, iEnd, other, jEnd]: readonly [number, number, number, number],
): Generator<Found> {
  const [a, b] = [from.value.items ?? [], to.value.items ?? []];
  const even = iEnd - start === jEnd - other;
  let [i, j] = [start, other];
  while (i < iEnd && j < jEnd && alike(a[i]?.value, b[j]?.value, even)) {
    yield* changesOf(itemAt(from, i), itemAt(to, j), path + nameOf(b, j), depth + 1);
    i++;
    j++;
  }
  for (; i < iEnd; i++) yield change(itemAt(from, i), null, path + nameOf(a, i));
  for (; j < jEnd; j++) yield change(null, itemAt(to, j), path + nameOf(b, j));
}

/** Whether an unaligned item reads better as changed than as removed and added. */
function alike(a: WholeNode | undefined, b: WholeNode | undefined, even: boolean): boolean {
  if (a?.message || b?.message)
    return Boolean(a?.message && b?.message && !(a.message.id || b.message.id)) && even;
  if (a?.type !== "dict" || b?.type !== "dict") return even;
  const keys = new Set((a.items ?? []).map(({ key }) => key));
  const shared = (b.items ?? []).filter(({ key }) => keys.has(key)).length;
  return 2 * shared >= Math.max(a.items?.length ?? 0, b.items?.length ?? 0);
}

/** The place of each message by its id, where all are messages that can be told apart by it. */
function idsOf(items: readonly WholeItem[]): Map<string, number> | null {
  const places = new Map<string, number>();
  for (const [i, { value }] of items.entries()) {
    const id = value.message?.id;
    if (!id || places.has(id)) return null;
    places.set(id, i);
  }
  return places;
}

/** A message by its id, what else by its position. */
function nameOf(items: readonly WholeItem[], position: number): string {
  const message = items[position]?.value.message;
  return message ? `#${(message.id || String(position)).slice(0, 60)}` : `[${position}]`;
}

// ---------------------------------------------------------------- one change

function change(from: Side | null, to: Side | null, path: string): Found {
  const message = Boolean((from ?? to)?.value.message);
  return {
    path,
    kind: from === null ? "added" : to === null ? "removed" : "changed",
    before: from && cut(from.value),
    after: to && cut(to.value),
    before_at: from && [...from.at],
    after_at: to && [...to.at],
    words: from && to && wordsOf(from.value, to.value),
    message,
    reordered: false,
  };
}

/** Of two texts, or those of two messages, the words, where they are best read by them. */
function wordsOf(from: WholeNode, to: WholeNode): ChangeView["words"] {
  if (from.message && to.message) {
    const [old, now] = [from.message.text, to.message.text];
    return old !== now && old && now ? textParts(old, now) : null;
  }
  const texts = from.type === "str" && to.type === "str" && isProse(from.text) && isProse(to.text);
  return texts ? textParts(from.text, to.text) : null;
}

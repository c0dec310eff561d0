// Who set which part of a state, told from the whole values of a saved page: equal ones are one object there.
import type { BlamePart, BlameView, CheckpointView, OriginPlace, TaskWrites, ValueNode } from "../protocol";
import type { WholeItem, WholeNode } from "./whole";

type Channel = Omit<CheckpointView["channels"][number], "value"> & { value: WholeNode };

/** A checkpoint as the page holds it. */
export interface Step {
  view: Omit<CheckpointView, "channels"> & { channels: Channel[] };
  writes: TaskWrites[];
}

/** One part of the state that is asked about, followed back: what it was there, and who set it. */
interface Part {
  path: number[];
  line: number | null;
  /** By what it is known: the id of a message, a key; null: by what it is. */
  name: string | null;
  now: WholeNode | string;
  was: WholeNode | string;
  set: Step | null;
  first: Step | null;
  kids: Part[] | null;
}

const NAMED: ReadonlySet<string> = new Set(["dict", "object"]);
const OPENED: ReadonlySet<string> = new Set(["list", "set", ...NAMED]);

/** Who set each part of the state at the last of some checkpoints; `path`: from it back to the first. */
export function blameOf(path: readonly Step[]): BlameView {
  const told = new Told();
  const last = path.at(-1);
  const whole = last !== undefined && !last.view.collapsed;
  for (const { name, internal, value } of path[0]?.view.channels ?? []) {
    if (internal) continue;
    const root = partOf([], null, null, value);
    root.kids = kidsOf(root);
    // What a channel is before anything was written to it was set by none.
    const begun = path.findLastIndex(({ view }) => channelOf(view, name)?.changed);
    const end = begun < 0 || !whole ? path.length : begun + 1;
    for (let at = 0; at < end && isOpen(root); at++) {
      const older = at + 1 < end ? channelOf((path[at + 1] as Step).view, name)?.value : undefined;
      if (older !== undefined) follow(root, older, path[at] as Step);
      else if (at + 1 < path.length || whole) close(root, path[at] as Step);
    }
    told.add(root, name, true);
  }
  return told.view;
}

function channelOf(view: Step["view"], name: string): Channel | undefined {
  return view.channels.find((channel) => channel.name === name);
}

function partOf(path: number[], line: number | null, name: string | null, now: WholeNode | string): Part {
  return { path, line, name, now, was: now, set: null, first: null, kids: null };
}

/** What stands in the part of a value that is known by its name. */
function nameOf(within: WholeNode, { key, of, value }: WholeItem): string | null {
  if (NAMED.has(within.kind)) return `${of ?? ""} ${key}`;
  return value.message?.id ?? null;
}

function kidsOf(part: Part): Part[] | null {
  const { now, path } = part;
  if (typeof now === "string") return null;
  if (now.kind === "string") {
    const lines = now.text.split("\n");
    return lines.map((text, line) => partOf(path, line, null, text));
  }
  if (!OPENED.has(now.kind) || now.message || !now.items) return null;
  return now.items.map((item, i) => partOf([...path, i], null, nameOf(now, item), item.value));
}

function isOpen(part: Part): boolean {
  return part.first === null || (part.kids?.some(isOpen) ?? false);
}

/** It was not there before a step. */
function close(part: Part, step: Step): void {
  if (part.first !== null) return;
  part.set ??= step;
  part.first = step;
  for (const kid of part.kids ?? []) close(kid, step);
}

/** What a part was before a step. */
function follow(part: Part, older: WholeNode | string, step: Step): void {
  if (part.first !== null || part.was === older) return;
  part.set ??= step;
  const lined = isText(part.was) && isText(older);
  const alike =
    lined || (typeof part.was !== "string" && typeof older !== "string" && part.was.kind === older.kind);
  part.kids ??= alike ? kidsOf(part) : null;
  part.was = older;
  if (part.kids === null) return;
  if (!alike || typeof older === "string") {
    for (const kid of part.kids) close(kid, step);
    return;
  }
  const there = lined ? older.text.split("\n") : (older.items ?? []).map(({ value }) => value);
  const names = new Map((lined ? [] : (older.items ?? [])).map((item) => [nameOf(older, item), item.value]));
  const held = new Set<WholeNode | string>(there);
  const lost = new Set<WholeNode | string>(part.kids.map((kid) => kid.was));
  part.kids.forEach((kid, i) => {
    const named = kid.name === null ? undefined : names.get(kid.name);
    // What is known by what it is may stand elsewhere; in its place may stand what was edited.
    const same = held.has(kid.was) ? kid.was : undefined;
    const edited = there.length === part.kids?.length && !lost.has(there[i] as never) ? there[i] : undefined;
    const found = kid.name === null ? (same ?? edited) : named;
    if (found === undefined) close(kid, step);
    else follow(kid, found, step);
  });
}

function isText(value: WholeNode | string): boolean {
  return typeof value !== "string" && value.kind === "string";
}

/** Whether one step set all of a part. */
function isOne(part: Part): boolean {
  return part.kids?.every((kid) => kid.set === part.set && isOne(kid)) ?? true;
}

/** Collects what is told. */
class Told {
  readonly view: BlameView = { steps: [], parts: [] };
  readonly #known = new Map<string, number>();

  add(part: Part, channel: string, asked: boolean): void {
    const { set, first, path, line } = part;
    this.view.parts.push({
      channel,
      path,
      line,
      step: set === null ? -1 : this.#step(set, channel, part),
      first: first?.view.label ?? null,
      made: first !== null && first === set,
      sure: set !== null && !set.view.collapsed,
    } satisfies BlamePart);
    const text = isText(part.now);
    if (part.kids && (text ? !isOne(part) : asked || !isOne(part)))
      for (const kid of part.kids) this.add(kid, channel, false);
  }

  #step({ view, writes }: Step, channel: string, part: Part): number {
    const { id, label } = view;
    const certain = !view.collapsed && view.source !== "input" && view.source !== "fork";
    const nodes = certain ? writersOf(writes, channel, part) : [];
    const key = JSON.stringify([id, nodes]);
    const known = this.#known.get(key) ?? this.view.steps.push({ id, label, nodes }) - 1;
    this.#known.set(key, known);
    return known;
  }
}

/** The nodes that wrote to a channel; of several those whose writes speak of the part, if any do. */
function writersOf(writes: readonly TaskWrites[], channel: string, part: Part): string[] {
  const all = writes.flatMap(({ node, pending, writes: some }) =>
    pending || node === ""
      ? []
      : some.filter((one) => one.channel === channel).map(({ value }) => ({ node, value })),
  );
  const nodes = (of: typeof all) => [...new Set(of.map(({ node }) => node))];
  const some = all.filter(({ value }) => speaksOf(value, part));
  return nodes(some.length > 0 ? some : all);
}

function speaksOf(written: ValueNode, { now, name, path }: Part): boolean {
  if (path.length === 0 || typeof now === "string") return true;
  const each = written.kind === "list" ? (written.items ?? []).map(({ value }) => value) : [written];
  if (now.message)
    return each.some(
      ({ message }) => message?.id === name || (message && !message.id && message.text === now.message?.text),
    );
  if (NAMED.has(written.kind))
    return written.items?.some((item) => nameOf(written as WholeNode, item) === name) ?? false;
  return each.some(({ kind, text }) => kind === now.kind && text === now.text);
}

/** Where a part of a state is in another one, as `lgviz/backend/blame_views.py` finds it. */
export function placeIn(
  here: WholeNode,
  there: WholeNode | undefined,
  path: readonly number[],
  line: number | null,
): OriginPlace {
  const found: number[] = [];
  let [mine, theirs] = [here, there];
  for (const position of path) {
    const item = mine.items?.[position];
    const place = item && theirs ? placeOf(mine, item, position, theirs) : -1;
    if (!item || !theirs || place < 0) return { path: null, text: "" };
    found.push(place);
    mine = item.value;
    theirs = theirs.items?.[place]?.value;
  }
  if (!theirs) return { path: null, text: "" };
  if (line === null || !isText(mine) || !isText(theirs)) return { path: found, text: "" };
  const lines = theirs.text.split("\n");
  const wanted = mine.text.split("\n")[line] ?? "";
  return {
    path: found,
    text: lines.includes(wanted) ? wanted : (lines[Math.min(line, lines.length - 1)] ?? ""),
  };
}

function placeOf(within: WholeNode, item: WholeItem, position: number, other: WholeNode): number {
  const items = other.items ?? [];
  const name = nameOf(within, item);
  if (name !== null) return items.findIndex((one) => nameOf(other, one) === name);
  const equal = items.findIndex(({ value }) => value === item.value);
  return equal >= 0 || position >= items.length ? equal : position;
}

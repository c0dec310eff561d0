// What changed between two texts, by words, as `lgviz/analysis/text_diff.py` tells it (a test holds the two against each other).
import type { TextPart } from "../protocol";
import { align } from "./align";
import { flattened, sizeOf, sliceOf } from "./points";

type Segment = readonly [op: TextPart["op"], text: string];
/** What was removed, what was added in its place, what was kept after it. */
type Row = readonly [removed: string, added: string, kept: string];

const CJK = "\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff";
/** A word; in Chinese and Japanese, which put no space between them, a character. */
const TOKEN = new RegExp(`(?:(?![${CJK}])[\\p{L}\\p{N}_])+|[${CJK}]|\\s+|[^\\p{L}\\p{N}_\\s]`, "gu");
const LINE = /[^\n]*\n|[^\n]+/g;
/** Characters kept between two edits that are not worth showing as kept. */
const SHORT = 16;
/** Characters of two texts beyond which their common ends and their lines are looked at first. */
const BY_WORDS = 20_000;
/** Characters that are compared word by word, and line by line. */
const WORDS = 400_000;
const LINES = 10_000_000;
/** Characters of a replaced stretch whose common ends are looked for: a word may be a page long. */
const RUN = 80;

/** The words kept (`=`), removed (`-`) and added (`+`), in order, a removal before its addition. */
export function words(before: string, after: string): Segment[] {
  const found: Segment[] = [];
  const add = (op: TextPart["op"], text: string) => {
    const last = found.at(-1);
    if (text === "") return;
    if (last?.[0] === op) found[found.length - 1] = [op, last[1] + text];
    else found.push([op, text]);
  };
  for (const row of joined(rowsOf(before, after)))
    for (const [removed, added, kept] of trimmed(row)) {
      add("-", removed);
      add("+", added);
      add("=", kept);
    }
  return found;
}

function rowsOf(before: string, after: string): Row[] {
  if (before.length + after.length <= BY_WORDS) return aligned(TOKEN, before, after);
  const start = common(before, after);
  const end = commonEnd(before.slice(start), after.slice(start));
  const old = before.slice(start, before.length - end);
  const now = after.slice(start, after.length - end);
  const rows: Row[] = [["", "", before.slice(0, start)]];
  let left = WORDS;
  const byLine: Row[] = old.length + now.length <= LINES ? aligned(LINE, old, now) : [[old, now, ""]];
  for (const [removed, added, kept] of byLine) {
    const size = removed.length + added.length;
    if (removed && added && size <= left) {
      left -= size;
      rows.push(...aligned(TOKEN, removed, added), ["", "", kept]);
    } else rows.push([removed, added, kept]);
  }
  return [...rows, ["", "", before.slice(before.length - end)]];
}

function aligned(token: RegExp, before: string, after: string): Row[] {
  const [a, b] = [before.match(token) ?? [], after.match(token) ?? []];
  const rows: Row[] = [];
  let [i, j] = [0, 0];
  for (const [x, y, n] of [...align<string>(a, b), [a.length, b.length, 0] as const]) {
    rows.push([a.slice(i, x).join(""), b.slice(j, y).join(""), a.slice(x, x + n).join("")]);
    [i, j] = [x + n, y + n];
  }
  return rows;
}

/** The length of the common beginning of two texts, to the last word that ends in it. */
function common(a: string, b: string): number {
  let low = 0;
  while (low < Math.min(a.length, b.length) && a[low] === b[low]) low++;
  if (low === Math.max(a.length, b.length)) return low;
  for (let back = 0; back < Math.min(RUN, low); back++)
    if (/\s/.test(a[low - 1 - back] as string)) return low - back;
  return low;
}

/** The same of their ends. */
function commonEnd(a: string, b: string): number {
  let low = 0;
  while (low < Math.min(a.length, b.length) && a[a.length - 1 - low] === b[b.length - 1 - low]) low++;
  if (low === Math.max(a.length, b.length)) return low;
  for (let on = 0; on < Math.min(RUN, low); on++)
    if (/\s/.test(a[a.length - low + on] as string)) return low - on;
  return low;
}

/** A replaced stretch without what its old and its new text begin and end with. */
function trimmed([removed, added, kept]: Row): Row[] {
  if (Math.min(removed.length, added.length) <= RUN) return [[removed, added, kept]];
  const start = common(removed, added);
  const end = commonEnd(removed.slice(start), added.slice(start));
  if (start + end <= RUN) return [[removed, added, kept]];
  return [
    ["", "", removed.slice(0, start)],
    [
      removed.slice(start, removed.length - end),
      added.slice(start, added.length - end),
      removed.slice(removed.length - end) + kept,
    ],
  ];
}

/** Joins edits between which only a scrap was kept: a phrase reads better than confetti. */
function joined(rows: readonly Row[]): Row[] {
  const found: Row[] = rows.slice(0, 1);
  for (const [removed, added, kept] of rows.slice(1)) {
    const [wasRemoved, wasAdded, between] = found.at(-1) as Row;
    if (!removed && !added) {
      found[found.length - 1] = [wasRemoved, wasAdded, between + kept];
      continue;
    }
    const least = Math.min(
      Math.max(wasRemoved.length, wasAdded.length),
      Math.max(removed.length, added.length),
    );
    const scrap = /^\s+$/.test(between) || between.length <= Math.min(SHORT, Math.floor(least / 2));
    if ((wasRemoved || wasAdded) && scrap)
      found[found.length - 1] = [wasRemoved + between + removed, wasAdded + between + added, kept];
    else found.push([removed, added, kept]);
  }
  return found;
}

/** Characters of a removed or added stretch that are shown. */
const EDIT = 4_000;
/** Line ends, else characters, shown on each side of an edit; within how many characters it is cut between words. */
const NEAR = 3;
const KEPT = 160;
const WORD = 20;

/** What was kept, removed and added, with the middle of long stretches left out. */
export function textParts(before: string, after: string): TextPart[] {
  const found: TextPart[] = [];
  let [i, j] = [0, 0];
  const add = (op: TextPart["op"], text: string, leftOut: number) => {
    if (text !== "" || leftOut > 0) found.push({ op, text, before: i, after: j, left_out: leftOut });
    const size = sizeOf(text) + leftOut;
    if (op !== "+") i += size;
    if (op !== "-") j += size;
  };
  const segments = words(before, after);
  for (const [n, [op, text]] of segments.entries()) {
    if (op !== "=") {
      add(op, sliceOf(text, 0, EDIT), Math.max(0, sizeOf(text) - EDIT));
      continue;
    }
    const flat = flattened(text);
    const head = n === 0 ? 0 : headOf(flat);
    const tail = n === segments.length - 1 ? flat.length : tailOf(flat);
    if (tail - head < KEPT / 2) add(op, text, 0);
    else {
      add(op, sliceOf(text, 0, head), tail - head);
      if (tail < flat.length) add(op, sliceOf(text, tail), 0);
    }
  }
  return found;
}

/** Where the beginning ends that is shown of a kept text: at the end of a line, if one is near. */
function headOf(text: string): number {
  let end = 0;
  for (let n = 0; n < NEAR; n++) {
    const at = text.slice(0, 2 * KEPT).indexOf("\n", end);
    if (at < 0) break;
    end = at + 1;
  }
  const space = text.slice(0, KEPT + WORD).indexOf(" ", KEPT);
  return end || (space >= 0 ? space + 1 : Math.min(KEPT, text.length));
}

/** Where the end begins that is shown of a kept text: after the end of a line, if one is near. */
function tailOf(text: string): number {
  let [start, end] = [text.length, text.length];
  for (let n = 0; n < NEAR && end > 0; n++) {
    const at = text.lastIndexOf("\n", end - 1);
    if (at < Math.max(0, text.length - 2 * KEPT)) break;
    [start, end] = [at + 1, at];
  }
  if (end < text.length) return start;
  start = Math.max(0, text.length - KEPT);
  const space = text.slice(0, start + WORD).indexOf(" ", start);
  return space >= 0 ? space + 1 : start;
}

/** Characters beyond which a text is read by its words, and a page of it even where nothing stands between. */
const LONG = 20;
const PAGE = 200;

/** Whether a text is best read as words kept, removed and added. */
export function isProse(text: string): boolean {
  return text.length > PAGE || (text.length > LONG && /[ \n]/.test(text));
}

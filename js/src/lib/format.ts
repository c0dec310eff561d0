// Numbers, times and names as a person reads them.
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** `1 channel`, `4 channels`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${thousands(n)} ${n === 1 ? one : many}`;
}

export function thousands(n: number): string {
  return n.toLocaleString("en-US");
}

/** A duration in the unit a reader would say: `0.4 ms`, `180 ms`, `1.2 s`, `3 min 5 s`, `2 h 4 min`. */
export function duration(ms: number): string {
  const value = Math.max(0, ms);
  if (value < 10) return `${trim(value, 1)} ms`;
  if (value < 1000) return `${Math.round(value)} ms`;
  if (value < 59_950) return `${trim(value / 1000, 1)} s`;
  const seconds = Math.round(value / 1000);
  if (seconds < 3600) return pair(seconds, 60, "min", "s");
  const minutes = Math.round(seconds / 60);
  return minutes < 1440 ? pair(minutes, 60, "h", "min") : pair(Math.round(minutes / 60), 24, "d", "h");
}

function pair(value: number, base: number, big: string, small: string): string {
  const rest = value % base;
  return rest === 0 ? `${value / base} ${big}` : `${Math.floor(value / base)} ${big} ${rest} ${small}`;
}

function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

/** A duration that ticks, in tenths of a second up to a minute: `0.8 s`. */
export function seconds(ms: number): string {
  return ms < 59_950 ? `${(ms / 1000).toFixed(1)} s` : duration(ms);
}

/** The time of day; with the date where it is not `now`'s. An unreadable time stays as it is. */
export function timeOfDay(iso: string, now = new Date()): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const two = (n: number) => String(n).padStart(2, "0");
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (at.toDateString() === now.toDateString()) return time;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

/** Bytes in the unit a reader would say. */
export function bytes(n: number): string {
  const units = ["bytes", "KB", "MB", "GB"];
  let value = n;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? count(n, "byte") : `${trim(value, value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** What made a checkpoint, in a title: its nodes, else what LangGraph calls its source. */
export function title(nodes: readonly string[], source: string, asNode: string | null): [string, string] {
  if (source === "update") {
    const who = nodes.length > 0 ? nodes.join(" ∥ ") : asNode;
    return ["update", who ? `as ${who}` : ""];
  }
  if (nodes.length > 0) return [counted(nodes).join(" ∥ "), ""];
  return [source, ""];
}

/** Names in order, equal ones gathered: three tasks of one node are `worker × 3`. */
export function counted(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  for (const name of names) seen.set(name, (seen.get(name) ?? 0) + 1);
  return [...seen].map(([name, n]) => (n === 1 ? name : `${name} × ${n}`));
}

/** Where a change is, as one would write it: `reservation.cabin`, `messages[3]`. */
export function place(channel: string, path: string): string {
  if (path === "" || path === channel) return channel;
  if (/^[[.#(]/.test(path)) return channel + path;
  if (path.startsWith(`${channel}.`) || path.startsWith(`${channel}[`)) return path;
  return `${channel}.${path}`;
}

/** Length in Python's characters, which offsets of `value_get` count in. */
export function characters(text: string): number {
  let n = 0;
  for (const _ of text) n += 1;
  return n;
}

/** A time of day, with the day where it is not today's. */
export function clock(time: number, now = Date.now()): string {
  if (Number.isNaN(time)) return "";
  const date = new Date(time);
  const today = date.toDateString() === new Date(now).toDateString();
  return today ? CLOCK.format(date) : `${DAY.format(date)} ${CLOCK.format(date)}`;
}

export function fullTime(time: number): string {
  return Number.isNaN(time) ? "" : FULL.format(new Date(time));
}

/** A duration after the step before; null where a clock says more. */
export function elapsed(milliseconds: number): string | null {
  if (Number.isNaN(milliseconds) || milliseconds < 0 || milliseconds >= 3_600_000) return null;
  if (milliseconds < 9.95) return `+${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 99.5) return `+${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `+${(milliseconds / 1000).toFixed(1)} s`;
  return `+${Math.round(milliseconds / 60_000)} min`;
}

export function ago(time: number | null, now = Date.now()): string {
  if (time === null || Number.isNaN(time)) return "";
  const minutes = Math.max(0, now - time) / 60_000;
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${Math.floor(minutes)} min ago`;
  if (minutes < 60 * 24) return `${Math.floor(minutes / 60)} h ago`;
  const days = Math.floor(minutes / 60 / 24);
  return days < 14 ? `${days} d ago` : DAY.format(new Date(time));
}

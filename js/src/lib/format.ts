// Numbers, times and names as a person reads them.
import type { MemoryChange, RunView, TaskView, ThreadStatus } from "../protocol";
import { dateLocale, decimal, locale, t, tn } from "./words";

const FORMATS = {
  clock: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  day: { day: "numeric", month: "short" },
  full: { dateStyle: "medium", timeStyle: "medium" },
} as const;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Made once for each language: making one takes longer than drawing a row. */
function formatOf(name: keyof typeof FORMATS): Intl.DateTimeFormat {
  const key = `${name} ${dateLocale() ?? ""}`;
  const known = formats.get(key) ?? new Intl.DateTimeFormat(dateLocale(), FORMATS[name]);
  formats.set(key, known);
  return known;
}

export function thousands(n: number): string {
  return n.toLocaleString(locale());
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
  return decimal(String(Number(value.toFixed(digits))));
}

/** A duration that ticks, in tenths of a second up to a minute: `0.8 s`. */
export function seconds(ms: number): string {
  return ms < 59_950 ? `${decimal((ms / 1000).toFixed(1))} s` : duration(ms);
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
  const units = ["", "KB", "MB", "GB"];
  let value = n;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? tn("{n} byte", "{n} bytes", n) : `${trim(value, value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** What made a checkpoint, in a title: its nodes, else what LangGraph calls its source. */
export function title(nodes: readonly string[], source: string, asNode: string | null): [string, string] {
  if (source === "update") {
    const who = nodes.length > 0 ? nodes.join(" ∥ ") : asNode;
    return [t("update"), who ? t("as {node}", { node: who }) : ""];
  }
  if (nodes.length > 0) return [counted(nodes).join(" ∥ "), ""];
  return [sourceName(source), ""];
}

/** What LangGraph calls a checkpoint's source. */
function sourceName(source: string): string {
  const names: Readonly<Record<string, string>> = {
    input: t("input"),
    loop: t("loop"),
    update: t("update"),
    fork: t("fork"),
  };
  return names[source] ?? source;
}

/** How a task, a run or a thread stands. */
export function statusName(status: TaskView["status"] | RunView["status"] | ThreadStatus): string {
  return {
    pending: t("pending"),
    running: t("running"),
    stopping: t("stopping"),
    paused: t("paused"),
    interrupted: t("interrupted"),
    stopped: t("stopped"),
    failed: t("failed"),
    done: t("done"),
  }[status];
}

/** What became of a memory. */
export function kindName(kind: MemoryChange["kind"]): string {
  return { added: t("added"), removed: t("removed"), changed: t("changed") }[kind];
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
  return today
    ? formatOf("clock").format(date)
    : `${formatOf("day").format(date)} ${formatOf("clock").format(date)}`;
}

export function fullTime(time: number): string {
  return Number.isNaN(time) ? "" : formatOf("full").format(new Date(time));
}

/** A duration after the step before; null where a clock says more. */
export function elapsed(milliseconds: number): string | null {
  if (Number.isNaN(milliseconds) || milliseconds < 0 || milliseconds >= 3_600_000) return null;
  if (milliseconds < 9.95) return `+${decimal(milliseconds.toFixed(1))} ms`;
  if (milliseconds < 99.5) return `+${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `+${decimal((milliseconds / 1000).toFixed(1))} s`;
  return `+${Math.round(milliseconds / 60_000)} min`;
}

export function ago(time: number | null, now = Date.now()): string {
  if (time === null || Number.isNaN(time)) return "";
  const minutes = Math.max(0, now - time) / 60_000;
  if (minutes < 1) return t("just now");
  if (minutes < 60) return t("{n} min ago", { n: Math.floor(minutes) });
  if (minutes < 60 * 24) return t("{n} h ago", { n: Math.floor(minutes / 60) });
  const days = Math.floor(minutes / 60 / 24);
  return days < 14 ? t("{n} d ago", { n: days }) : formatOf("day").format(new Date(time));
}

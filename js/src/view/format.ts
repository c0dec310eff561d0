// Numbers and times as a person reads them.
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** "1 branch", "3 branches". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
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

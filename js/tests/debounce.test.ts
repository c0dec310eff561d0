import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Debounce } from "../src/lib/debounce";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("asks once after a pause, with the newest question", () => {
  const asked: string[] = [];
  const debounce = new Debounce(250);
  for (const text of ["p", "pl", "plan"]) {
    debounce.ask(() => asked.push(text));
    vi.advanceTimersByTime(100);
  }
  expect(asked).toEqual([]);
  vi.advanceTimersByTime(150);
  expect(asked).toEqual(["plan"]);
});

it("cancels the question under way when a newer one comes", () => {
  const signals: AbortSignal[] = [];
  const debounce = new Debounce(250);
  debounce.ask((signal) => signals.push(signal));
  vi.advanceTimersByTime(250);
  expect(signals[0]?.aborted).toBe(false);
  debounce.ask((signal) => signals.push(signal));
  expect(signals[0]?.aborted).toBe(true);
  vi.advanceTimersByTime(250);
  expect(signals[1]?.aborted).toBe(false);
});

it("asks nothing after cancel", () => {
  const work = vi.fn();
  const debounce = new Debounce(250);
  debounce.ask(work);
  debounce.cancel();
  vi.advanceTimersByTime(1000);
  expect(work).not.toHaveBeenCalled();
});

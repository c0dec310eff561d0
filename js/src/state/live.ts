// What the tasks of a run at work say: which are shown, under which name, for how long they have been at it.
import { nodePath } from "../lib/namespace";
import type { LiveTask, LiveView, RunView } from "../protocol";
import { isActive, type Store } from "./store";

/** What was told of a run last, and when it came (`performance.now()`). */
export interface Live {
  view: LiveView;
  at: number;
}

export interface LiveRun extends Live {
  run: RunView;
}

/** The runs at work on the open thread, the oldest first. */
export function liveRuns(store: Store): LiveRun[] {
  if (store.lost.value !== null) return [];
  const thread = store.thread.value?.thread_id;
  const found: LiveRun[] = [];
  for (const [number, live] of store.live.value) {
    const run = store.runs.value.get(number);
    if (run && isActive(run) && live.view.thread_id === thread) found.push({ ...live, run });
  }
  return found;
}

/** Milliseconds that a task is at work, or took. */
export function spent(task: LiveTask, at: number, now: number): number {
  return task.status === "working" ? task.elapsed + Math.max(0, now - at) : task.elapsed;
}

/** The tasks at work in which no other is: where a subgraph is at work, its tasks. */
export function innermost(tasks: readonly LiveTask[]): LiveTask[] {
  const working = tasks.filter((task) => task.status === "working");
  const around = new Set(working.flatMap((task) => task.namespace.split(/[|:]/)));
  return working.filter((task) => !around.has(task.id));
}

/** The node, in a subgraph with the one that called it, as the tree's rows name it: `critic › judge`. */
export function nameOf(task: LiveTask): string {
  const caller = task.namespace
    .split("|")
    .filter((part) => !/^\d*$/.test(part))
    .at(-1);
  return caller ? `${caller.split(":", 1)[0]} › ${task.node}` : task.node;
}

/** The nodes of the graph of a path that are at work; what happens inside a subgraph happens in its node. */
export function atWork(store: Store, path: string): readonly string[] {
  const runs = liveRuns(store);
  if (runs.length === 0) return (path === "" ? store.running.value?.nodes : null) ?? [];
  const tasks = runs.flatMap(({ view }) => view.tasks).filter((task) => task.status === "working");
  return tasks.filter((task) => nodePath(task.namespace) === path).map((task) => task.node);
}

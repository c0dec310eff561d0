// What a view does at a checkpoint: runs, plain or in a sandbox, and why it cannot.

import { effect } from "@preact/signals";
import { t } from "../lib/words";
import { type CheckpointView, Mark, type RunRequest, type RunView, type StartRequest } from "../protocol";
import type { Store } from "./store";
import type { TreeModel } from "./tree";

/** Runs on and follows; where it is asked to, a person predicts before what will run. */
export async function runAndFollow(store: Store, request: RunRequest): Promise<RunView | null> {
  await store.predicting.before({ checkpoint: request.checkpoint, fork: null, run: request });
  return followed(store, request);
}

/** Runs on, with the selection at the newest checkpoint until the person goes elsewhere. */
export async function followed(store: Store, request: RunRequest): Promise<RunView | null> {
  const follow = new Follow(store, request.checkpoint);
  try {
    const run = await store.run(request);
    follow.to(run?.checkpoint);
    return run;
  } finally {
    follow.stop();
  }
}

/** Starts and follows; a new thread is opened once it has a checkpoint, and `begun` is called then. What is
 * refused is thrown. */
export async function startAndFollow(
  store: Store,
  request: StartRequest,
  begun: () => void,
): Promise<RunView> {
  const follow = new Follow(store, request.checkpoint);
  let opening: Promise<void> | null = null;
  const open = async (instead: string | null) => {
    await store.openThread(request.thread_id, instead);
    follow.from(store.selected.peek());
    begun();
  };
  const told = ({ checkpoint }: RunView) => {
    if (checkpoint === null || opening !== null) return;
    opening = request.checkpoint === null ? open(null) : Promise.resolve(begun());
  };
  try {
    const run = await store.start(request, told);
    await opening;
    // Rows that came while it was opened may have passed by.
    if (request.checkpoint === null && store.tree.peek().rowOf(run.checkpoint) < 0)
      await open(run.checkpoint);
    follow.to(run.checkpoint);
    return run;
  } finally {
    follow.stop();
  }
}

/** Moves the selection along with the runs that begin from now on, until the person goes elsewhere. */
class Follow {
  readonly #store: Store;
  #at: string | null;
  /** How many rows there were when it began: older ones are of other runs. */
  readonly #begun: number;
  readonly stop: () => void;

  constructor(store: Store, at: string | null) {
    this.#store = store;
    this.#at = at;
    this.#begun = store.tree.peek().length;
    const known = Math.max(-1, ...store.runs.peek().keys());
    this.stop = effect(() => {
      store.revision.value;
      const run = store.running.value;
      if (run && run.run > known) this.to(run.checkpoint);
    });
  }

  from(id: string | null): void {
    this.#at = id;
  }

  to(id: string | null | undefined): void {
    const store = this.#store;
    if (!id || store.selected.peek() !== this.#at) return;
    const tree = store.tree.peek();
    const shown = tree.ids[this.#shown(tree, tree.rowOf(this.#at), tree.rowOf(id))];
    if (shown === undefined || shown === this.#at) return;
    this.#at = shown;
    store.select(shown);
  }

  /** The row to look at: for someone inside a subgraph's call that the run has not left, its newest row there, else
   * `outcome`. */
  #shown(tree: TreeModel, at: number, outcome: number): number {
    const callers = [];
    for (let row = tree.anchor[at] ?? -1; row >= 0; row = tree.anchor[row] as number) callers.push(row);
    if (!callers.includes(outcome)) return outcome;
    const future = tree.future(at);
    for (let row = tree.length - 1; row >= this.#begun; row--) {
      if (future[row] && tree.depth[row] === tree.depth[at]) return row;
    }
    return at;
  }
}

export function plainRun(checkpoint: string, more: Partial<RunRequest> = {}): RunRequest {
  return { checkpoint, resume: null, until: null, configurable: null, sandbox: false, ...more };
}

/** A run on from a checkpoint: its own next nodes run, and history answers the rest where it can. */
export function runOn(store: Store, checkpoint: string, more: Partial<RunRequest> = {}): RunRequest {
  return plainRun(checkpoint, { ...(isReusing(store) ? { reuse: "rest" as const } : {}), ...more });
}

/** One super-step from a checkpoint; `resumable`: in place, of what has not finished. */
export function stepHere(view: CheckpointView, resumable: boolean): RunRequest {
  return plainRun(view.id, { steps: 1, ...(resumable ? { only: "unfinished" as const } : {}) });
}

/** A run of a fork that was just made: history answers all that the fork does not touch. */
export function runFork(store: Store, checkpoint: string, configurable: string | null): RunRequest {
  return plainRun(checkpoint, { configurable, ...(isReusing(store) ? { reuse: "all" as const } : {}) });
}

/** Whether runs begun here are answered from history, as none is on a server. */
export function isReusing(store: Store): boolean {
  return store.reuse.value && !store.onServer.value;
}

/** Whether a checkpoint is held by the sandbox: what is done with it stays there. */
export function isHeld(store: Store, checkpoint: string): boolean {
  const tree = store.tree.value;
  return ((tree.flags[tree.rowOf(checkpoint)] ?? 0) & Mark.SANDBOX) !== 0;
}

/** Why what only a graph in this process can do cannot be done; null where it can. */
export function serverReason(store: Store): string | null {
  return store.onServer.value ? t("A LangGraph server cannot do this.") : null;
}

/** Why no sandbox, or no second one, can be opened; null where it can. */
export function sandboxReason(store: Store): string | null {
  if (store.onServer.value) return serverReason(store);
  return store.sandbox.value === null ? null : t("A sandbox is open: keep or discard it first.");
}

/** Whether something is left to resume at a checkpoint, in place, that does not wait for an answer first. */
export function isResumable(store: Store, view: CheckpointView): boolean {
  const tree = store.tree.value;
  store.revision.value;
  if (view.next.length === 0) return false;
  for (let row = tree.rowOf(view.id); row >= 0; row = tree.anchor[row] as number) {
    if ((tree.children[row] as number) > 0) return false;
  }
  const asking = new Set(view.interrupts.filter((one) => !one.answered).map((one) => one.node));
  return view.unfinished.length === 0 || !view.unfinished.every((node) => asking.has(node));
}

// What a view does at a checkpoint: runs, plain or in a sandbox, and why it cannot.

import { effect } from "@preact/signals";
import { t } from "../lib/words";
import { type CheckpointView, Mark, type RunRequest, type RunView } from "../protocol";
import type { Store } from "./store";

/** Runs on, with the selection at the newest checkpoint until the person goes elsewhere. */
export async function runAndFollow(store: Store, request: RunRequest): Promise<RunView | null> {
  const known = Math.max(-1, ...store.runs.peek().keys());
  let at = request.checkpoint;
  const moveTo = (id: string | null | undefined) => {
    if (!id || id === at || store.selected.peek() !== at || store.tree.peek().rowOf(id) < 0) return;
    at = id;
    store.select(id);
  };
  const stop = effect(() => {
    store.revision.value;
    const run = store.running.value;
    if (run && run.run > known) moveTo(run.checkpoint);
  });
  try {
    const run = await store.run(request);
    moveTo(run?.checkpoint);
    return run;
  } finally {
    stop();
  }
}

export function plainRun(checkpoint: string, more: Partial<RunRequest> = {}): RunRequest {
  return { checkpoint, resume: null, until: null, configurable: null, sandbox: false, ...more };
}

/** Whether a checkpoint is held by the sandbox: what is done with it stays there. */
export function isHeld(store: Store, checkpoint: string): boolean {
  const tree = store.tree.value;
  return ((tree.flags[tree.rowOf(checkpoint)] ?? 0) & Mark.SANDBOX) !== 0;
}

/** Why a second sandbox cannot be opened; null where it can. */
export function sandboxReason(store: Store): string | null {
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

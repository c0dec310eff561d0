// Running on, with the selection at the newest checkpoint until the person goes elsewhere.
import { effect } from "@preact/signals";
import type { RunRequest, RunView } from "../protocol";
import type { Store } from "./store";

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

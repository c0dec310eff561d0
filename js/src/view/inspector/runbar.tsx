// The run at work, with Stop; then how it ended, until dismissed or followed by another.
import { useState } from "preact/hooks";
import { counted } from "../../lib/format";
import type { RunView } from "../../protocol";
import { isActive, labelOf, type Store } from "../../state/store";
import { Problem } from "../ui/problem";

export function RunBar({ store }: { store: Store }) {
  const [dismissed, setDismissed] = useState(-1);
  const run = store.running.value ?? latest(store.runs.value);
  if (!run || (!isActive(run) && run.run === dismissed)) return null;
  const dismiss = () => setDismissed(run.run);
  if (isActive(run) && store.lost.value !== null) return null;
  if (isActive(run)) return <AtWork store={store} run={run} />;
  // Where the checkpoint itself says it, just below, it is not said twice.
  const failed = run.status === "failed";
  if (failed && (run.checkpoint === null || run.checkpoint !== store.selected.value)) {
    return (
      <Problem
        error={{
          cause: run.error ?? "The run failed.",
          remedy: "See Tasks of the checkpoint it failed at; fork to put it right.",
        }}
        retry={undefined}
        dismiss={dismiss}
      />
    );
  }
  return (
    <div class="lgviz-run" role="status" data-testid="lgviz-run" data-status={run.status}>
      <span class={`lgviz-badge is-${run.status}`}>{run.before.length > 0 ? "paused" : run.status}</span>
      <span>
        {run.before.length > 0 ? `paused before ${counted(run.before).join(", ")}` : ENDED[run.status]}
        {run.checkpoint !== null && ` at ${labelOf(store, run.checkpoint)}`}
        {run.before.length > 0 && ": run on from there"}
      </span>
      <button type="button" class="lgviz-link" aria-label="Dismiss" onClick={dismiss}>
        ✕
      </button>
    </div>
  );
}

const ENDED: Record<RunView["status"], string> = {
  running: "",
  stopping: "",
  failed: "the run failed",
  done: "the run ended",
  interrupted: "the run waits for an answer",
  stopped: "the run was stopped",
};

function AtWork({ store, run }: { store: Store; run: RunView }) {
  const nodes = counted(run.nodes).join(", ");
  const stopping = run.status === "stopping";
  return (
    <div class="lgviz-run is-active" role="status" data-testid="lgviz-run" data-status={run.status}>
      <span class="lgviz-spinner" aria-hidden="true" />
      <span>
        {stopping ? "stopping after " : "running "}
        <b>{nodes || "…"}</b>
      </span>
      <button
        type="button"
        class="lgviz-act"
        data-testid="lgviz-stop"
        aria-disabled={stopping}
        title={
          stopping
            ? "A node at work cannot be killed: it stops when the node is done"
            : "Stop after the node at work"
        }
        onClick={() => {
          if (!stopping) void store.stop(run.run);
        }}
      >
        Stop
      </button>
    </div>
  );
}

function latest(runs: ReadonlyMap<number, RunView>): RunView | null {
  let last: RunView | null = null;
  for (const run of runs.values()) if (last === null || run.run > last.run) last = run;
  return last;
}

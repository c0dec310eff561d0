// The run at work, with Stop; then how it ended, until dismissed or followed by another.
import { useState } from "preact/hooks";
import { counted, statusName, thousands } from "../../lib/format";
import { t, tn } from "../../lib/words";
import type { ReusedView, RunView } from "../../protocol";
import { isActive, knownLabel, type Store } from "../../state/store";
import { Act } from "../ui/act";
import { Problem } from "../ui/problem";

export function RunBar({ store }: { store: Store }) {
  const [dismissed, setDismissed] = useState(-1);
  const run = store.running.value ?? latest(store.runs.value);
  if (!run || (!isActive(run) && run.run === dismissed)) return null;
  const dismiss = () => setDismissed(run.run);
  // It may be another thread's, whose labels are not known here.
  const label = run.checkpoint === null ? undefined : knownLabel(store, run.checkpoint);
  if (isActive(run) && store.lost.value !== null) return null;
  if (isActive(run)) return <AtWork store={store} run={run} />;
  // Where the checkpoint itself says it, just below, it is not said twice.
  const failed = run.status === "failed";
  if (failed && (run.checkpoint === null || run.checkpoint !== store.selected.value)) {
    return (
      <Problem
        error={{
          cause: run.error ?? t("The run failed."),
          // What was refused before it began left no checkpoint to look at.
          remedy:
            run.checkpoint === null
              ? ""
              : t("See Tasks of the checkpoint it failed at; fork to put it right."),
        }}
        retry={undefined}
        dismiss={dismiss}
      />
    );
  }
  return (
    <div class="lgviz-run" role="status" data-testid="lgviz-run" data-status={run.status}>
      <span class={`lgviz-badge is-${run.status}`}>{paused(run) ? ended(run) : statusName(run.status)}</span>
      <span>
        {!paused(run) && ended(run)}
        {label !== undefined && ` ${t("at {label}", { label })}`}
        {run.reused && (
          <span class="lgviz-run-reused" data-testid="lgviz-run-reused">
            {reused(run.reused)}
          </span>
        )}
        {run.warnings.map((warning) => (
          <span key={warning} class="lgviz-run-warning">
            {warning}
          </span>
        ))}
      </span>
      <button type="button" class="lgviz-link" aria-label={t("Dismiss")} onClick={dismiss}>
        ✕
      </button>
    </div>
  );
}

/** What history answered, and what that spared. */
function reused({ served, ran, calls, tokens }: ReusedView): string {
  const parts = [t("{n} served", { n: thousands(served) }), t("{n} ran", { n: thousands(ran) })];
  if (calls > 0) parts.push(tn("{n} model call answered", "{n} model calls answered", calls));
  if (tokens > 0) parts.push(tn("{n} token not bought", "{n} tokens not bought", tokens));
  return parts.join(", ");
}

function paused(run: RunView): boolean {
  return run.before.length > 0 || run.after.length > 0;
}

function ended(run: RunView): string {
  if (run.before.length > 0) return t("paused before {nodes}", { nodes: counted(run.before).join(", ") });
  if (run.after.length > 0) return t("paused after {nodes}", { nodes: counted(run.after).join(", ") });
  return {
    running: "",
    stopping: "",
    failed: t("the run failed"),
    done: t("the run ended"),
    interrupted: t("the run waits for an answer"),
    stopped: t("the run was stopped"),
  }[run.status];
}

function AtWork({ store, run }: { store: Store; run: RunView }) {
  const [cancelling, setCancelling] = useState(-1);
  const nodes = counted(run.nodes).join(", ");
  const stopping = run.status === "stopping";
  const cancelled = cancelling === run.run;
  return (
    <div class="lgviz-run is-active" role="status" data-testid="lgviz-run" data-status={run.status}>
      <span class="lgviz-spinner" aria-hidden="true" />
      <span>
        {stopping ? t("stopping after") : t("running")} <b>{nodes || "…"}</b>
      </span>
      <div class="lgviz-acts">
        <Act
          name={t("Stop")}
          testid="lgviz-stop"
          reason={stopping ? t("It stops when the node at work is done") : null}
          hint={t("Stop after the node at work")}
          act={() => void store.stop(run.run)}
        />
        <Act
          name={t("Stop now")}
          testid="lgviz-stop-now"
          reason={run.cannot_cancel ?? (cancelled ? t("It is being cancelled") : null)}
          hint={t("Cancel the node at work: it runs again on Resume")}
          act={() => {
            setCancelling(run.run);
            void store.stop(run.run, true);
          }}
        />
      </div>
    </div>
  );
}

function latest(runs: ReadonlyMap<number, RunView>): RunView | null {
  let last: RunView | null = null;
  for (const run of runs.values()) if (last === null || run.run > last.run) last = run;
  return last;
}

// The inspector's first lines: which checkpoint, what can be done with it, when and what comes next.
import { counted, duration, timeOfDay, title } from "../../lib/format";
import type { CheckpointView } from "../../protocol";
import { isHeld, plainRun, runAndFollow, sandboxReason } from "../../state/acts";
import { isActive, labelOf, type Store } from "../../state/store";
import { ChangedChips } from "../find/changes";
import { Act } from "../ui/act";
import { type CodeChoice, CopyCode } from "../ui/copy";

interface Props {
  store: Store;
  view: CheckpointView;
  /** The view is that of an older selection: nothing can be done with it. */
  stale: boolean;
}

export function Head({ store, view, stale }: Props) {
  const [name, as] = title(view.nodes, view.source, view.as_node);
  return (
    <header class="lgviz-head">
      <div class="lgviz-head-line">
        <h3>
          <span class="lgviz-checkpoint">{view.label}</span>
          <span class="lgviz-name">{name}</span>
          {as && <span class="lgviz-as">{as}</span>}
          <span class="lgviz-summary">{view.summary}</span>
        </h3>
        <Actions store={store} view={view} stale={stale} />
      </div>
      <p class="lgviz-facts">
        <Facts store={store} view={view} />
        <ChangedChips checkpoint={view.id} />
      </p>
      {view.warnings.map((warning) => (
        <p class="lgviz-warning" key={warning}>
          {warning}
        </p>
      ))}
      {view.error !== null && store.tab.value !== "tasks" && (
        <p class="lgviz-head-error" role="alert" data-testid="lgviz-head-error">
          <b>{view.error}</b>{" "}
          <button type="button" class="lgviz-link" onClick={() => (store.tab.value = "tasks")}>
            see Tasks
          </button>
        </p>
      )}
    </header>
  );
}

function Facts({ store, view }: { store: Store; view: CheckpointView }) {
  const facts = [
    view.namespace !== "" && <span class="lgviz-mono">{view.namespace.replace(/:[0-9a-f-]{36}/g, "")}</span>,
    view.step !== null && <span>step {view.step}</span>,
    view.created_at !== null && <span title={view.created_at}>{timeOfDay(view.created_at)}</span>,
    view.duration !== null && <span title="since its parent">{duration(view.duration)}</span>,
    <span key="next" data-testid="lgviz-next">
      {"next: "}
      {view.next.length > 0 ? <b>{counted(view.next).join(", ")}</b> : <span>nothing, the end</span>}
    </span>,
    view.as_node !== null && view.source !== "update" && (
      <span>
        as node <b>{view.as_node}</b>
      </span>
    ),
    view.collapsed && (
      <span title={'durability="exit" keeps only the last step'}>steps missing before it</span>
    ),
    view.note !== null && <span class="lgviz-note">“{view.note}”</span>,
    store.compared.value !== null && (
      <span>
        compared with <b>{labelOf(store, store.compared.value)}</b>{" "}
        <button type="button" class="lgviz-link" onClick={() => store.compare(null)}>
          end
        </button>
      </span>
    ),
  ].filter((fact) => fact !== false);
  return (
    <>
      {facts.map((fact, i) => (
        <span key={i}>
          {i > 0 && <span> · </span>}
          {fact}
        </span>
      ))}
    </>
  );
}

function Actions({ store, view, stale }: Props) {
  const readOnly = store.readOnly.value;
  const running = store.running.value;
  const busy = running && isActive(running) ? "A run is at work: stop it first." : null;
  const nothing =
    view.next.length === 0 ? `Nothing comes after ${view.label}: the run ended here. Fork it instead.` : null;
  const forking = store.panel.value === "fork";
  return (
    <div class="lgviz-acts">
      <Act
        name="Fork"
        shortcut="f"
        primary={!forking}
        testid="lgviz-fork-open"
        stale={stale}
        reason={readOnly}
        pressed={forking}
        act={() => (forking ? store.closeFork() : store.openFork())}
      />
      <Act
        name="Run from here"
        testid="lgviz-run-here"
        stale={stale}
        reason={readOnly ?? busy ?? nothing}
        hint={`Runs ${view.next.join(", ")}`}
        act={() => void runAndFollow(store, plainRun(view.id))}
      />
      {!isHeld(store, view.id) && (
        <Act
          name="Run in sandbox"
          testid="lgviz-sandbox-here"
          stale={stale}
          reason={readOnly ?? busy ?? nothing ?? sandboxReason(store)}
          hint={`Runs ${view.next.join(", ")} and stores nothing until it is kept`}
          act={() => void runAndFollow(store, plainRun(view.id, { sandbox: true }))}
        />
      )}
      {!forking && <CopyCode source={store.source} choices={() => choices(store, view)} />}
    </div>
  );
}

function choices(store: Store, view: CheckpointView): CodeChoice[] {
  const other = store.compared.peek() ?? view.parent;
  const select: CodeChoice = { name: "state", request: { act: "select", checkpoint: view.id } };
  const all = [select];
  if (other !== null) {
    const diff: CodeChoice = { name: "diff", request: { act: "diff", checkpoint: view.id, other } };
    if (store.tab.peek() === "diff") all.unshift(diff);
    else all.push(diff);
  }
  if (view.next.length > 0 && store.readOnly.peek() === null) {
    const run = plainRun(view.id);
    all.push({ name: "run", request: { act: "run", checkpoint: view.id, run } });
    const sandboxed = { ...run, sandbox: true };
    all.push({ name: "run in sandbox", request: { act: "run", checkpoint: view.id, run: sandboxed } });
  }
  return all;
}

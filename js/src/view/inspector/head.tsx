// The inspector's first lines: which checkpoint, what can be done with it, when and what comes next.
import { useRef, useState } from "preact/hooks";
import { counted, duration, timeOfDay, title } from "../../lib/format";
import { still } from "../../lib/still";
import { t, tn } from "../../lib/words";
import type { CheckpointView } from "../../protocol";
import {
  isHeld,
  isResumable,
  isReusing,
  plainRun,
  runAndFollow,
  runOn,
  sandboxReason,
  serverReason,
  stepHere,
} from "../../state/acts";
import { isFinished } from "../../state/start";
import { isActive, labelOf, type Store } from "../../state/store";
import { ChangedChips } from "../find/changes";
import { Act } from "../ui/act";
import { type CodeChoice, CodePopover } from "../ui/copy";
import { DotsMenu, type MenuItem } from "../ui/dots";
import { Departures } from "../ui/lineage";

import { PinForm } from "./pin";
import { UntilForm } from "./until";
import { UsageFact } from "./usage";

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
          <span class="lgviz-summary" title={asks(view) ?? view.summary}>
            {asks(view) ?? view.summary}
          </span>
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
            {t("see Tasks")}
          </button>
        </p>
      )}
    </header>
  );
}

/** What waits for a person here; null where nothing does. */
function asks(view: CheckpointView): string | null {
  const questions = view.interrupts.filter((one) => !one.answered).map((one) => one.question);
  if (questions.length === 0) return null;
  const actions = questions.reduce((sum, { actions }) => sum + actions.length, 0);
  return questions.every(({ kind }) => kind === "decisions")
    ? tn("asks for {n} approval", "asks for {n} approvals", actions)
    : tn("asks {n} question", "asks {n} questions", questions.length);
}

function Facts({ store, view }: { store: Store; view: CheckpointView }) {
  const facts = [
    view.namespace !== "" && <span class="lgviz-mono">{view.namespace.replace(/:[0-9a-f-]{36}/g, "")}</span>,
    view.step !== null && <span>{t("step {n}", { n: view.step })}</span>,
    view.created_at !== null && <span title={view.created_at}>{timeOfDay(view.created_at)}</span>,
    view.duration !== null && <span title={t("since its parent")}>{duration(view.duration)}</span>,
    view.usage != null && <UsageFact usage={view.usage} />,
    <span key="next" data-testid="lgviz-next">
      {`${t("next:")} `}
      {store.predicting.on.value ? (
        <b>?</b>
      ) : view.next.length > 0 ? (
        <b>{counted(view.next).join(", ")}</b>
      ) : (
        <span>{t("nothing, the end")}</span>
      )}
    </span>,
    view.as_node !== null && view.source !== "update" && (
      <span>
        {t("as node")} <b>{view.as_node}</b>
      </span>
    ),
    view.collapsed && (
      <span title={t('durability="exit" keeps only the last step')}>{t("steps missing before it")}</span>
    ),
    view.note !== null && <span class="lgviz-note">“{view.note}”</span>,
    store.lineage.value.forks.some((fork) => fork.checkpoint === view.id) && (
      <Departures store={store} checkpoint={view.id} />
    ),
    store.compared.value !== null && (
      <span>
        {t("compared with")} <b>{labelOf(store, store.compared.value)}</b>{" "}
        <button type="button" class="lgviz-link" onClick={() => store.compare(null)}>
          {t("end")}
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

function Actions(props: Props) {
  return still.value ? null : <Acts {...props} />;
}

function Acts({ store, view, stale }: Props) {
  const readOnly = store.readOnly.value;
  const running = store.running.value;
  const busy = running && isActive(running) ? t("A run is at work: stop it first.") : null;
  const nothing =
    view.next.length === 0
      ? t("Nothing comes after {label}: the run ended here. Fork it instead.", { label: view.label })
      : null;
  const forking = store.panel.value === "fork";
  const turning = store.panel.value === "start" && store.starting.value.turn;
  const finished = isFinished(view);
  const resumable = isResumable(store, view);
  const predicts = store.predicting.on.value;
  return (
    <div class="lgviz-acts">
      {finished && (
        <Act
          name={t("Next turn")}
          primary={!forking && !turning}
          testid="lgviz-next-turn"
          stale={stale}
          reason={readOnly}
          hint={t("Gives the graph another input in this thread")}
          pressed={turning}
          act={() => (turning ? store.closeFork() : store.openStart({ turn: true, thread: null }))}
        />
      )}
      {resumable && (
        <Act
          name={t("Resume")}
          primary={!forking}
          testid={asks(view) === null ? "lgviz-resume" : "lgviz-resume-unfinished"}
          stale={stale}
          reason={readOnly ?? busy}
          hint={predicts ? undefined : resumeHint(view)}
          act={() => void runAndFollow(store, plainRun(view.id, { only: "unfinished" }))}
        />
      )}
      <Act
        name={t("Run from here")}
        testid="lgviz-run-here"
        stale={stale}
        reason={readOnly ?? busy ?? nothing}
        hint={predicts ? undefined : runHint(store, view)}
        act={() => void runAndFollow(store, runOn(store, view.id))}
      />
      {!finished && (
        <Act
          name={t("Step")}
          testid="lgviz-step"
          stale={stale}
          reason={readOnly ?? serverReason(store) ?? busy ?? nothing}
          hint={
            predicts
              ? undefined
              : resumable
                ? t("Runs one step: {nodes}", { nodes: counted(view.unfinished).join(", ") })
                : t("Runs one step on a new branch: {nodes}", { nodes: counted(view.next).join(", ") })
          }
          act={() => void runAndFollow(store, stepHere(view, resumable))}
        />
      )}
      <Act
        name={t("Fork")}
        shortcut="f"
        primary={!forking && !resumable && !finished}
        testid="lgviz-fork-open"
        stale={stale}
        reason={readOnly}
        pressed={forking}
        act={() => (forking ? store.closeFork() : store.openFork())}
      />
      {!forking && <More store={store} view={view} reason={readOnly ?? busy ?? nothing} />}
    </div>
  );
}

function runHint(store: Store, view: CheckpointView): string {
  const nodes = counted(view.next).join(", ");
  return isReusing(store) && view.next[0] !== "__start__"
    ? t(
        "Runs {nodes} on a new branch; what comes after is answered from history where it is asked the same",
        {
          nodes,
        },
      )
    : t("Runs {nodes} on a new branch", { nodes });
}

/** What Resume runs, and what it leaves as it is. */
function resumeHint(view: CheckpointView): string {
  const left = [...view.unfinished];
  const done = view.next.filter((node) => {
    const at = left.indexOf(node);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  if (view.unfinished.length === 0) return t("All tasks have finished: goes on with what they wrote");
  const nodes = counted(view.unfinished).join(", ");
  if (done.length === 0) return t("Runs {nodes}", { nodes });
  return t("Runs only {nodes}; {done} finished already", { nodes, done: counted(done).join(", ") });
}

function More({ store, view, reason }: { store: Store; view: CheckpointView; reason: string | null }) {
  const anchor = useRef<HTMLDivElement>(null);
  const [code, setCode] = useState<CodeChoice[] | null>(null);
  const [until, setUntil] = useState(false);
  const [pinning, setPinning] = useState(false);
  const items: MenuItem[] = [
    {
      name: t("Copy as Python"),
      testid: "lgviz-copy-code",
      hint: t("The cell that does the same"),
      act: () => setCode(choices(store, view)),
    },
  ];
  items.unshift({
    name: t("Run until …"),
    testid: "lgviz-until-open",
    reason: reason ?? serverReason(store),
    hint: t("Runs until a condition on the state holds"),
    act: () => setUntil(true),
  });
  if (!isHeld(store, view.id)) {
    items.unshift({
      name: t("Run in a sandbox"),
      testid: "lgviz-sandbox-here",
      reason: reason ?? sandboxReason(store),
      hint: t("Runs {nodes} and stores nothing until it is kept", { nodes: counted(view.next).join(", ") }),
      act: () => void runAndFollow(store, runOn(store, view.id, { sandbox: true })),
    });
  }
  items.push({
    name: t("Reuse what did not change"),
    testid: "lgviz-reuse",
    checked: isReusing(store),
    reason: serverReason(store),
    hint: t("Runs begun here are answered from history where the same was asked before"),
    act: () => (store.reuse.value = !store.reuse.value),
  });
  if (store.source.exports && !isHeld(store, view.id)) {
    items.push({
      name: t("Pin as test…"),
      testid: "lgviz-pin",
      reason: store.readOnly.value ?? serverReason(store),
      hint: t("A pytest file that fails when the thread takes another path to here"),
      act: () => setPinning(true),
    });
  }
  return (
    <div class="lgviz-popover-anchor" ref={anchor}>
      <DotsMenu label={t("More to do here")} testid="lgviz-more" items={items} />
      {code && (
        <CodePopover anchor={anchor} source={store.source} choices={code} close={() => setCode(null)} />
      )}
      {pinning && <PinForm key={view.id} store={store} view={view} close={() => setPinning(false)} />}
      {until && <UntilForm store={store} view={view} close={() => setUntil(false)} />}
    </div>
  );
}

function choices(store: Store, view: CheckpointView): CodeChoice[] {
  const other = store.compared.peek() ?? view.parent;
  const select: CodeChoice = { name: t("state"), request: { act: "select", checkpoint: view.id } };
  const all = [select];
  if (other !== null) {
    const diff: CodeChoice = { name: t("diff"), request: { act: "diff", checkpoint: view.id, other } };
    if (store.tab.peek() === "diff") all.unshift(diff);
    else all.push(diff);
  }
  if (view.next.length > 0 && store.readOnly.peek() === null) {
    const run = runOn(store, view.id);
    if (isResumable(store, view)) {
      const resume = plainRun(view.id, { only: "unfinished" });
      all.push({ name: t("resume"), request: { act: "run", checkpoint: view.id, run: resume } });
    }
    const step = stepHere(view, isResumable(store, view));
    all.push({ name: t("step"), request: { act: "run", checkpoint: view.id, run: step } });
    all.push({ name: t("run"), request: { act: "run", checkpoint: view.id, run } });
    const sandboxed = { ...run, sandbox: true };
    all.push({ name: t("run in a sandbox"), request: { act: "run", checkpoint: view.id, run: sandboxed } });
  }
  return all;
}

// The thread shown to others: the graph lit, the sentence large, what changed; the space bar goes from step to step.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { thousands, title } from "../../lib/format";
import { moveOf } from "../../lib/keyboard";
import { nodePath } from "../../lib/namespace";
import { loader } from "../../lib/paging";
import { t, tx } from "../../lib/words";
import type { CheckpointView } from "../../protocol";
import { followed, stepHere } from "../../state/acts";
import { type Ahead, aheadOf } from "../../state/ahead";
import { atWork } from "../../state/live";
import type { Store } from "../../state/store";
import type { ViewState } from "../../state/view";
import { ownGraph } from "../graph/drawn";
import { Topology } from "../graph/topology";
import { Channels } from "../inspector/diff";
import { Predict } from "../inspector/predict";
import { waysOf } from "../inspector/why";
import { Sentences, tellable } from "../narration/narration";
import { useAsk } from "../ui/ask";
import { useFocusHeld } from "../ui/focus";
import { ChevronDown, CloseIcon } from "../ui/icons";
import { useVersion } from "../ui/version";

const KEYS = { escape: "Esc", shift: "Shift" };

export function Present({ view }: { view: ViewState }) {
  const { store } = view;
  const box = useRef<HTMLElement>(null);
  const checkpoint = store.selected.value as string;
  const version = useVersion(store);
  const asked = useAsk(store.source, "checkpoint_get", { checkpoint }, version);
  const told = useAsk(store.source, "narration_get", { checkpoint }, version);
  // Whose sentences are shown: they come in once they are there.
  const of = useRef(checkpoint);
  if (!told.pending) of.current = checkpoint;
  const ahead = aheadOf(view, asked.data);
  const stepper = useStepper(view, asked.data, ahead);
  useFocusHeld(box);
  useLayoutEffect(() => {
    box.current?.focus({ preventScroll: true });
    // What is behind can be reached only once this is gone.
    return () => queueMicrotask(() => view.focusTree());
  }, [view]);
  return (
    <section
      ref={box}
      class="lgviz-inspector lgviz-present"
      data-testid="lgviz-present"
      data-checkpoint={checkpoint}
      aria-label={t("Presentation")}
      tabIndex={-1}
      onKeyDown={stepper.onKeyDown}
    >
      <Top view={view} at={asked.data} stepper={stepper} />
      <div class="lgviz-present-body">
        <Stage store={store} at={asked.data} version={version} />
        <div class="lgviz-present-words">
          <Predict store={store} />
          <div aria-live="polite">
            <div class="lgviz-present-told" key={of.current}>
              {tellable(store, told.data ?? []).map((sentence, i) => (
                <Sentences key={i} store={store} sentences={[sentence]} />
              ))}
              {told.error && <p>{told.error.message}</p>}
            </div>
          </div>
          <Changed store={store} checkpoint={checkpoint} version={version} />
        </div>
      </div>
      <Hint store={store} ahead={ahead} offered={stepper.offered} />
    </section>
  );
}

interface Stepper {
  /** Whether it is said that the next press runs nodes. */
  offered: boolean;
  on(): void;
  back(): void;
  onKeyDown(event: KeyboardEvent): void;
}

/** Goes along the branch; at its end it first says what would run, and runs it when asked once more. */
function useStepper(view: ViewState, at: CheckpointView | undefined, ahead: Ahead): Stepper {
  const { store, find } = view;
  const [offer, setOffer] = useState<string | null>(null);
  const offered = ahead.kind === "run" && offer === at?.id;
  const go = (by: number) => {
    setOffer(null);
    find.scrub(find.branch.peek().placeOf(store.selectedRow.peek()) + by);
  };
  const on = () => {
    if (store.running.peek() !== null) return;
    if (ahead.kind === "on") go(1);
    else if (ahead.kind === "run" && at) {
      if (offered) void followed(store, stepHere(at, true));
      setOffer(offered ? null : at.id);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // A question that stands before the step has keys of its own.
    if (event.target instanceof Element && event.target.closest("form")) return;
    if (event.key === "Escape" && offered) setOffer(null);
    else {
      const move = moveOf(event);
      // A button that has the focus is pressed by the space bar.
      if (move === null || (event.key === " " && event.target instanceof HTMLButtonElement)) return;
      if (move === "on" && !(event.repeat && ahead.kind === "run")) on();
      else if (move === "back") go(-1);
      else if (move === "first") go(Number.NEGATIVE_INFINITY);
      else if (move === "last") go(Number.POSITIVE_INFINITY);
    }
    event.preventDefault();
  };
  return { offered, on, back: () => go(-1), onKeyDown };
}

interface TopProps {
  view: ViewState;
  at: CheckpointView | undefined;
  stepper: Stepper;
}

/** Which checkpoint it is, and how far along the branch. */
function Top({ view, at, stepper }: TopProps) {
  const { rows, placeOf } = placesOf(view);
  const [name, as] = at ? title(at.nodes, at.source, at.as_node) : ["", ""];
  return (
    <header class="lgviz-present-top">
      <h3>
        <span class="lgviz-checkpoint">{at?.label}</span>
        <span class="lgviz-name">{name}</span>
        {as && <span class="lgviz-as">{as}</span>}
      </h3>
      <div class="lgviz-present-way">
        <button type="button" class="lgviz-bare is-back" aria-label={t("Back")} onClick={stepper.back}>
          <ChevronDown />
        </button>
        <span class="lgviz-num">
          {t("{place} of {total}", { place: thousands(placeOf + 1), total: thousands(rows) })}
        </span>
        <button type="button" class="lgviz-bare is-on" aria-label={t("On")} onClick={stepper.on}>
          <ChevronDown />
        </button>
        <button
          type="button"
          class="lgviz-bare"
          aria-label={t("Leave the presentation")}
          onClick={() => view.present(false)}
        >
          <CloseIcon />
        </button>
      </div>
      <i
        class="lgviz-present-far"
        style={{ "--far": rows > 1 ? placeOf / (rows - 1) : 1 }}
        aria-hidden="true"
      />
    </header>
  );
}

function placesOf({ store, find }: ViewState): { rows: number; placeOf: number } {
  const branch = find.branch.value;
  return { rows: branch.rows.length, placeOf: branch.placeOf(store.selectedRow.value) };
}

interface StageProps {
  store: Store;
  at: CheckpointView | undefined;
  version: string;
}

/** The graph with what ran lit and what comes next outlined; without a graph their names. */
function Stage({ store, at, version }: StageProps) {
  const why = useAsk(store.source, "why_get", at ? { checkpoint: at.id } : null, version);
  const [box, height] = useHeight();
  const graph = ownGraph(store, at);
  if (!at) return <div class="lgviz-present-stage" ref={box} />;
  return (
    <div class={graph ? "lgviz-present-stage" : "lgviz-present-stage is-names"} ref={box}>
      {graph ? (
        <Topology
          topology={graph}
          ran={at.nodes}
          next={store.predicting.on.value ? [] : at.next}
          running={atWork(store, nodePath(at.namespace))}
          ways={why.data && !why.pending ? waysOf(why.data) : []}
          height={height - 28}
          largest={2.6}
        />
      ) : (
        <>
          {at.nodes.map((node) => (
            <b key={`ran ${node}`} class="is-ran">
              {node}
            </b>
          ))}
          {!store.predicting.on.value && at.next.length > 0 && <span aria-hidden="true">→</span>}
          {(store.predicting.on.value ? [] : at.next).map((node) => (
            <b key={`next ${node}`} class="is-next">
              {node}
            </b>
          ))}
        </>
      )}
    </div>
  );
}

/** What the step changed in the state. */
function Changed({ store, checkpoint, version }: { store: Store; checkpoint: string; version: string }) {
  const { source } = store;
  const asked = useAsk(source, "diff_get", { before: null, after: checkpoint, internal: false }, version);
  if (!asked.data || asked.data.channels.length === 0) return null;
  return (
    <section class="lgviz-present-state" aria-label={t("What changed")} aria-busy={asked.pending}>
      <Channels diff={asked.data} load={{ after: (channel) => loader(source, checkpoint, channel) }} />
    </section>
  );
}

/** What the keys do here. That the space bar runs something is said before it does. */
function Hint({ store, ahead, offered }: { store: Store; ahead: Ahead; offered: boolean }) {
  const run = store.running.value;
  const key = <kbd>{t("Space")}</kbd>;
  const back = [<kbd key="shift">{KEYS.shift}</kbd>, " ", key];
  const leave = <kbd>{KEYS.escape}</kbd>;
  // Who predicts is not told.
  const nodes = ahead.kind === "run" ? <b>{store.predicting.on.value ? "?" : ahead.nodes}</b> : "";
  const said = run
    ? tx("running {nodes}", { nodes: <b>{run.nodes.join(", ") || "…"}</b> })
    : ahead.kind === "on"
      ? tx("{key} goes on to {label}", { key, label: <b>{ahead.label}</b> })
      : ahead.kind === "end"
        ? ahead.reason
        : offered
          ? tx("{key} runs {nodes} now, {leave} does not", { key, nodes, leave })
          : tx("The branch ends here. {key} asks to run {nodes}", { key, nodes });
  return (
    <footer class={`lgviz-present-hint${offered && !run ? " is-offer" : ""}`}>
      <span role="status" data-testid="lgviz-present-hint" data-ahead={offered ? "offered" : ahead.kind}>
        {run && <span class="lgviz-spinner" aria-hidden="true" />}
        {said}
      </span>
      <span class="lgviz-faint">{tx("{back} back · {leave} leaves", { back, leave })}</span>
    </footer>
  );
}

/** The height of an element, followed as it changes. */
function useHeight() {
  const box = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(300);
  useEffect(() => {
    const element = box.current;
    if (!element || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry && entry.contentRect.height > 0) setHeight(Math.floor(entry.contentRect.height));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [box, height] as const;
}

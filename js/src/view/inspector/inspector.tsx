// The right side: what the selected checkpoint holds, and what can be done with it.

import { useContext, useRef, useState } from "preact/hooks";
import { t } from "../../lib/words";
import type { CheckpointView, WhyView } from "../../protocol";
import { labelOf, type Store, type Tab } from "../../state/store";
import { GutterSwitch } from "../find/gutter";
import { Here } from "../find/here";
import { ForkPanel } from "../fork/fork";
import { DrawnGraph } from "../graph/drawn";
import { Memory, useMemory } from "../memory/memory";
import { Narration } from "../narration/narration";
import { StartPanel, useStart } from "../start/start";
import { type Asked, useAsk } from "../ui/ask";
import { ExpandAll, Expanding, useExpanding } from "../ui/expand";
import { useFocusHeld } from "../ui/focus";
import { useId } from "../ui/id";
import { Problem } from "../ui/problem";
import { Rendered, RenderedSwitch } from "../ui/rendered";
import { useVersion } from "../ui/version";
import { Compare, partedInShort, useComparison } from "./compare";
import { Diff } from "./diff";
import { Head } from "./head";
import { Interrupts } from "./interrupts";
import { LiveTasks } from "./live";
import { Predict } from "./predict";
import { Raw } from "./raw";
import { RunBar } from "./runbar";
import { State } from "./state";
import { Tabs } from "./tabs";
import { Tasks } from "./tasks";
import { inShort, Why, waysOf } from "./why";
import { Writes } from "./writes";

export interface InspectorProps {
  store: Store;
}

export function Inspector({ store }: InspectorProps) {
  const selected = store.selected.value;
  const box = useRef<HTMLElement>(null);
  useFocusHeld(box);
  return (
    <section
      ref={box}
      class="lgviz-inspector"
      data-testid="lgviz-inspector"
      aria-label={t("Checkpoint")}
      tabIndex={-1}
    >
      {selected === null ? (
        <>
          <RunBar store={store} />
          <p class="lgviz-empty lgviz-none">{t("Choose a checkpoint in the tree.")}</p>
        </>
      ) : (
        <Selected store={store} selected={selected} />
      )}
    </section>
  );
}

function Selected({ store, selected }: { store: Store; selected: string }) {
  const id = useId();
  const version = useVersion(store);
  const asked = useAsk(store.source, "checkpoint_get", { checkpoint: selected }, version);
  const why = useAsk(store.source, "why_get", { checkpoint: selected }, version);
  const compared = useComparison(store);
  const memory = useMemory(store, selected);
  const view = asked.data;
  const stale = view?.id !== selected;
  const tab = store.tab.value;
  const forking = store.panel.value === "fork";
  const starting = store.panel.value === "start";
  const start = useStart(store, starting);
  const presenting = useContext(Here)?.presenting.value ?? false;
  const [drawn, setDrawn] = useState<boolean | null>(null);
  const rendered = drawn ?? !store.untrusted.value;
  const [expansion, expand] = useExpanding(`${selected} ${tab}`);
  return (
    <>
      {!presenting && <Predict store={store} />}
      <RunBar store={store} />
      <LiveTasks store={store} />
      {forking && <ForkPanel store={store} checkpoint={selected} view={view} version={version} />}
      {/* What was read stays as it was scrolled and opened. */}
      <div class="lgviz-reading" hidden={forking || (starting && !start.docked)}>
        {view ? (
          <Head store={store} view={view} stale={stale} />
        ) : (
          <header class="lgviz-head is-loading">
            <h3>
              <span class="lgviz-checkpoint">{labelOf(store, selected)}</span>
            </h3>
          </header>
        )}
        <Narration store={store} checkpoint={selected} version={version} />
        {store.graphShown.value && (
          <DrawnGraph
            store={store}
            view={view}
            ways={tab === "why" && why.data && !why.pending ? waysOf(why.data) : undefined}
          />
        )}
        <div class="lgviz-tabs-row">
          <Tabs
            id={id}
            tab={tab}
            choose={(next) => (store.tab.value = next)}
            comparing={store.ends.value !== null}
            extra={{
              diff: between(store, view),
              compare: partedInShort(store, compared),
              why: inShort(why.data),
              memory: memory.data?.changed ? `${memory.data.changed}` : "",
            }}
          />
          {WITH_VALUES.has(tab) && (
            <span class="lgviz-tabs-end">
              {tab === "state" && <GutterSwitch />}
              <RenderedSwitch on={rendered} set={setDrawn} />
              <ExpandAll open={expansion.open} toggle={expand} />
            </span>
          )}
        </div>
        <div
          class={tab === "memory" ? "lgviz-pane is-memory" : "lgviz-pane"}
          role="tabpanel"
          id={`${id}-panel`}
          aria-labelledby={`${id}-${tab}`}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a panel is scrolled by keyboard.
          tabIndex={0}
          aria-busy={asked.pending}
        >
          {view && view.interrupts.length > 0 && (
            <div hidden={tab === "memory" || tab === "compare"}>
              <Interrupts key={view.id} store={store} view={view} stale={stale} />
            </div>
          )}
          {tab === "memory" ? (
            <Memory store={store} selected={selected} asked={memory} />
          ) : tab === "compare" ? (
            <Compare store={store} asked={compared} />
          ) : asked.error ? (
            <Problem error={asked.error} retry={asked.retry} />
          ) : (
            <Rendered.Provider value={rendered}>
              <Expanding.Provider value={expansion}>
                <Body store={store} selected={selected} view={view} version={version} why={why} />
              </Expanding.Provider>
            </Rendered.Provider>
          )}
        </div>
      </div>
      {starting && <StartPanel store={store} start={start} view={view} stale={stale} />}
    </>
  );
}

/** Tabs with values that can be opened. */
const WITH_VALUES: ReadonlySet<Tab> = new Set(["state", "diff", "writes"]);

interface BodyProps {
  store: Store;
  selected: string;
  view: CheckpointView | undefined;
  version: string;
  why: Asked<WhyView>;
}

function Body({ store, selected, view, version, why }: BodyProps) {
  const { source } = store;
  switch (store.tab.value) {
    case "state":
      return view ? <State view={view} store={store} /> : <p class="lgviz-empty">…</p>;
    case "diff":
      return (
        <Diff
          source={source}
          pair={store.pair(selected, view?.id === selected ? view.parent : null)}
          compared={store.compared.value !== null}
          version={version}
        />
      );
    case "writes":
      return <Writes source={source} checkpoint={selected} version={version} />;
    case "tasks":
      return <Tasks store={store} checkpoint={selected} version={version} />;
    case "why":
      return <Why store={store} view={view} asked={why} />;
    case "memory":
    case "compare":
      return null;
    case "raw":
      return <Raw source={source} checkpoint={selected} version={version} />;
  }
}

/** `c8 → c9` on the Diff tab. */
function between(store: Store, view: CheckpointView | undefined): string {
  if (!view) return "";
  const [before, after] = store.pair(view.id, view.parent);
  return before === null ? "" : `${labelOf(store, before)} → ${labelOf(store, after)}`;
}

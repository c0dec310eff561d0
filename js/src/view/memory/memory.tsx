// The Memory tab: what the store remembers, as it was at the selected checkpoint or as it is now.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { kindName, thousands } from "../../lib/format";
import { t, tn, tx } from "../../lib/words";
import type { MemoryChanges, MemoryView } from "../../protocol";
import { type MemoryState, memoryOf } from "../../state/memory";
import { labelOf, type Store } from "../../state/store";
import { type Asked, useAsk } from "../ui/ask";
import { MemoryIcon } from "../ui/icons";
import { Problem } from "../ui/problem";
import { MemoryBar } from "./bar";
import { MemoryEditor } from "./edit";
import { MemoryItem } from "./item";
import { MemoryOutline } from "./outline";

const PAUSE = 1500;
/** Room for an item beside the list, in pixels. */
const WIDE = 620;

/** What is known about memory at the selected checkpoint, or where there is none; asked again while it is open. */
export function useMemory(store: Store, selected: string | null, alone = false): Asked<MemoryView> {
  const state = memoryOf(store);
  const open = alone || store.tab.value === "memory";
  const waiting = useRef(false);
  useEffect(() => {
    if (!open) return;
    const timer = setInterval(() => {
      // A store may take longer to answer than a pause lasts.
      if (!document.hidden && !waiting.current) state.beat.value++;
    }, PAUSE);
    return () => clearInterval(timer);
  }, [state, open]);
  const version = open ? `${store.revision.value}.${state.beat.value}` : "";
  const params = selected !== null || alone ? { checkpoint: selected } : null;
  const asked = useAsk(store.source, "memory_open", params, version);
  waiting.current = asked.pending;
  return asked;
}

interface Props {
  store: Store;
  selected: string | null;
  asked: Asked<MemoryView>;
}

export function Memory({ store, selected, asked }: Props) {
  const view = asked.data;
  if (asked.error) return <Problem error={asked.error} retry={asked.retry} />;
  if (!view) return <p class="lgviz-empty">…</p>;
  if (view.store === null) return <NoStore />;
  return <Shown store={store} selected={selected} view={view} />;
}

function NoStore() {
  return (
    <div class="lgviz-memory-blank" data-testid="lgviz-memory-none">
      <MemoryIcon />
      <h4>{t("No store")}</h4>
      <p>
        {t(
          "Memory that outlives a thread lies in a store. Compile the graph with one, or give one to the debugger:",
        )}
      </p>
      <div class="lgviz-code">
        {"graph = builder.compile(checkpointer=saver, store=store)\nlgviz.debug(graph, store=store)"}
      </div>
    </div>
  );
}

function Shown({ store, selected, view }: { store: Store; selected: string | null; view: MemoryView }) {
  const state = memoryOf(store);
  const label = selected === null ? "" : labelOf(store, selected);
  const at = state.at(view);
  const sought = state.sought.value;
  const mode = state.mode.value;
  const turn = state.turn.value;
  useEffect(() => void state.reload(at), [state, at, view.token, sought, mode, turn]);
  const box = useRef<HTMLDivElement>(null);
  const wide = useWide(box);
  const changes = useAsk(
    store.source,
    "memory_changes",
    view.changed && selected !== null ? { checkpoint: selected } : null,
    view.token,
  );
  const chosen = state.chosen.value;
  const doing = state.doing.value;
  const first = changes.data?.changes[0]?.ref;
  // What the step changed is what one came to see.
  useEffect(() => {
    if (wide && first !== undefined && state.chosen.peek() === null) state.reveal(first);
  }, [state, first, wide]);
  const aside = chosen !== null || doing === "add";
  return (
    <div
      ref={box}
      class={`lgviz-memory${wide ? " is-wide" : ""}${aside ? " is-aside" : ""}`}
      data-testid="lgviz-memory"
    >
      {(wide || !aside) && (
        <div class="lgviz-memory-list">
          <MemoryBar state={state} view={view} label={label} at={at} />
          {sought === "" && <Changes state={state} label={label} changes={changes} />}
          <MemoryOutline state={state} changes={changes.data?.changes ?? []} at={at} wide={wide} />
        </div>
      )}
      {aside && (
        <div class="lgviz-memory-aside">
          {!wide && (
            <button
              type="button"
              class="lgviz-link lgviz-memory-back"
              onClick={() => {
                state.focused = true;
                state.choose(null);
              }}
            >
              <span class="lgviz-way" aria-hidden="true">
                ‹
              </span>{" "}
              {t("All memory")}
            </button>
          )}
          {doing === "add" ? (
            <MemoryEditor state={state} view={view} item={null} />
          ) : (
            chosen !== null && (
              <MemoryItem
                key={chosen}
                state={state}
                view={view}
                at={at}
                itemRef={chosen}
                label={label}
                change={changes.data?.changes.find((one) => one.ref === chosen)}
              />
            )
          )}
        </div>
      )}
    </div>
  );
}

function useWide(box: { current: HTMLElement | null }): boolean {
  const [wide, setWide] = useState(true);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => {
      if (element.clientWidth > 0) setWide(element.clientWidth >= WIDE);
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [box]);
  return wide;
}

interface ChangesProps {
  state: MemoryState;
  label: string;
  changes: Asked<MemoryChanges>;
}

const SIGNS = { added: "+", removed: "−", changed: "~" } as const;

/** What the selected checkpoint's step changed. */
function Changes({ state, label, changes }: ChangesProps) {
  const { data, error, retry } = changes;
  if (error) return <Problem error={error} retry={retry} />;
  if (!data || data.total === 0) return null;
  return (
    <section
      class="lgviz-memory-changes"
      aria-label={t("Changed by {label}", { label })}
      data-testid="lgviz-memory-changes"
    >
      <h4>
        {tx(data.total === 1 ? "{label} changed {n} item" : "{label} changed {n} items", {
          label: <span class="lgviz-checkpoint">{label}</span>,
          n: thousands(data.total),
        })}
      </h4>
      {data.changes.map((change) => (
        <button
          key={change.ref}
          type="button"
          class={`lgviz-memory-row lgviz-memory-change is-${change.kind}`}
          data-testid="lgviz-memory-change"
          data-kind={change.kind}
          data-key={change.key}
          data-namespace={change.namespace.join(".")}
          aria-pressed={state.chosen.value === change.ref}
          aria-label={`${kindName(change.kind)} ${change.namespace.join(".")} ${change.key}`}
          onClick={() => state.reveal(change.ref)}
        >
          <span class="lgviz-memory-sign" aria-hidden="true">
            {SIGNS[change.kind]}
          </span>
          <span class="lgviz-memory-key">{change.key}</span>
          <span class="lgviz-memory-summary">{change.summary}</span>
          <span class="lgviz-memory-where">{change.namespace.join(" › ")}</span>
        </button>
      ))}
      {data.total > data.changes.length && (
        <p class="lgviz-more">{tn("{n} more", "{n} more", data.total - data.changes.length)}</p>
      )}
    </section>
  );
}

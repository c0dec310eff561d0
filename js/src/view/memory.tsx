// The Memory tab: what the store remembers, as it was at the selected checkpoint or as it is now.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { MemoryChanges, MemoryView } from "../protocol";
import { type MemoryState, memoryOf, type SearchMode } from "../state/memory";
import type { Store } from "../state/store";
import { type Asked, useAsk } from "./ask";
import { CopyCode } from "./copy";
import { Act, labelOf } from "./head";
import { CloseIcon, MemoryIcon, SearchIcon } from "./icons";
import { MemoryEditor } from "./memoryedit";
import { MemoryItem } from "./memoryitem";
import { MemoryOutline } from "./memoryoutline";
import { Problem } from "./problem";
import { count, thousands } from "./text";

const PAUSE = 1500;
/** Room for an item beside the list, in pixels. */
const WIDE = 620;

/** What is known about memory at the selected checkpoint; asked again while the tab is open. */
export function useMemory(store: Store, selected: string): Asked<MemoryView> {
  const state = memoryOf(store);
  const open = store.tab.value === "memory";
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
  const asked = useAsk(store.source, "memory_open", { checkpoint: selected }, version);
  waiting.current = asked.pending;
  return asked;
}

interface Props {
  store: Store;
  selected: string;
  asked: Asked<MemoryView>;
}

export function Memory({ store, selected, asked }: Props) {
  const view = asked.data;
  if (asked.error) return <Problem error={asked.error} retry={asked.retry} />;
  if (!view) return <p class="lgi-empty">…</p>;
  if (view.store === null) return <NoStore />;
  return <Shown store={store} selected={selected} view={view} />;
}

function NoStore() {
  return (
    <div class="lgm-blank" data-testid="lgviz-memory-none">
      <MemoryIcon />
      <h4>No store</h4>
      <p>
        Memory that outlives a thread lies in a store. Compile the graph with one, or give one to the
        debugger:
      </p>
      <div class="lgi-code">
        {"graph = builder.compile(checkpointer=saver, store=store)\nlgviz.debug(graph, store=store)"}
      </div>
    </div>
  );
}

function Shown({ store, selected, view }: { store: Store; selected: string; view: MemoryView }) {
  const state = memoryOf(store);
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
    view.changed ? { checkpoint: selected } : null,
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
      class={`lgm${wide ? " is-wide" : ""}${aside ? " is-aside" : ""}`}
      data-testid="lgviz-memory"
    >
      {(wide || !aside) && (
        <div class="lgm-list">
          <Bar state={state} view={view} label={labelOf(store, selected)} at={at} />
          {sought === "" && <Changes state={state} label={labelOf(store, selected)} changes={changes} />}
          <MemoryOutline state={state} changes={changes.data?.changes ?? []} at={at} wide={wide} />
        </div>
      )}
      {aside && (
        <div class="lgm-aside">
          {!wide && (
            <button
              type="button"
              class="lgi-link lgm-back"
              onClick={() => {
                state.focused = true;
                state.choose(null);
              }}
            >
              ‹ All memory
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
                label={labelOf(store, selected)}
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

interface BarProps {
  state: MemoryState;
  view: MemoryView;
  label: string;
  at: string | null;
}

/** Which moment, what is sought, and what can be done with all of it. */
function Bar({ state, view, label, at }: BarProps) {
  const past = view.past && state.past.value;
  const reason = view.read_only ?? (past ? `The past stays as it was: switch from ${label} to now.` : null);
  const { store } = state;
  return (
    <div class="lgm-bar">
      <div class="lgm-line">
        {view.past ? (
          <fieldset class="lgi-seg" aria-label="Which memory" data-testid="lgviz-memory-when">
            <button
              type="button"
              aria-pressed={past}
              title={`Memory as it was when ${label} was made`}
              onClick={() => (state.past.value = true)}
            >
              as of {label}
            </button>
            <button
              type="button"
              aria-pressed={!past}
              title="Memory as it is"
              onClick={() => (state.past.value = false)}
            >
              now
            </button>
          </fieldset>
        ) : (
          <span class="lgm-now" data-testid="lgviz-memory-when">
            now
          </span>
        )}
        <span class="lgm-store lgi-faint" title={view.store ?? undefined}>
          {view.store}
        </span>
        <Act
          name="Add"
          testid="lgviz-memory-add"
          reason={reason}
          act={() => (state.doing.value = "add")}
          pressed={state.doing.value === "add"}
        />
        <CopyCode
          source={store.source}
          name="Copy"
          choices={() => [
            {
              name: "search",
              request: {
                act: "memory",
                checkpoint: store.selected.peek() ?? "",
                memory: {
                  act: "search",
                  ref: "[]",
                  as_of: at !== null,
                  [state.mode.peek()]: state.sought.peek(),
                },
              },
            },
          ]}
        />
      </div>
      <Sought state={state} view={view} at={at} />
      {!view.past && (
        <p class="lgm-note" data-testid="lgviz-memory-note">
          {view.store} keeps no versions: memory is shown as it is now. <span class="lgi-mono">lgviz</span>’s
          stores keep them.
        </p>
      )}
    </div>
  );
}

const MODES: readonly { mode: SearchMode; name: string; hint: string }[] = [
  { mode: "text", name: "text", hint: "Search keys and values…" },
  { mode: "filter", name: "filter", hint: '{"score": {"$gt": 9}}' },
  { mode: "query", name: "meaning", hint: "What does she like?" },
];

/** The search: by text, by a filter, by meaning. */
function Sought({ state, view, at }: { state: MemoryState; view: MemoryView; at: string | null }) {
  const mode = state.mode.value;
  const [text, setText] = useState(state.sought.peek());
  useEffect(() => {
    if (text === state.sought.peek()) return;
    const timer = setTimeout(() => (state.sought.value = text), 250);
    return () => clearTimeout(timer);
  }, [state, text]);
  const clear = () => {
    setText("");
    state.sought.value = "";
    state.error.value = null;
  };
  const error = state.error.value;
  const counted = text !== "" && !error && state.outline.value && state.revision.value >= 0;
  return (
    <>
      <div class="lgm-search">
        <SearchIcon />
        <input
          type="text"
          data-testid="lgviz-memory-search"
          aria-label="Search memory"
          aria-invalid={error !== null && text !== ""}
          placeholder={MODES.find((one) => one.mode === mode)?.hint}
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") state.sought.value = text;
            else if (event.key !== "Escape" || text === "") return;
            else clear();
            event.preventDefault();
            event.stopPropagation();
          }}
        />
        {counted && (
          <span class="lgi-faint lgm-found" role="status">
            {state.busy.value ? "…" : found(state)}
          </span>
        )}
        {text !== "" && (
          <button type="button" class="lgviz-bare" aria-label="Clear the search" onClick={clear}>
            <CloseIcon />
          </button>
        )}
        <fieldset class="lgm-modes" aria-label="How to search">
          {MODES.map((one) => {
            const why = one.mode === "query" ? meaningless(view, at) : null;
            return (
              <button
                key={one.mode}
                type="button"
                data-testid={`lgviz-memory-mode-${one.mode}`}
                aria-pressed={one.mode === mode}
                aria-disabled={why !== null}
                title={why ?? undefined}
                onClick={() => {
                  if (why === null) state.mode.value = one.mode;
                }}
              >
                {one.name}
              </button>
            );
          })}
        </fieldset>
      </div>
      {error && <Problem error={error} dismiss={text === "" ? undefined : clear} />}
    </>
  );
}

/** How many items were found; `+`: there are more. */
function found(state: MemoryState): string {
  const items = state.outline.value?.count ?? 0;
  return state.more.value ? `${thousands(items)}+ items` : count(items, "item");
}

/** Why nothing can be sought by meaning. */
function meaningless(view: MemoryView, at: string | null): string | null {
  if (!view.semantic) return "The store has no index: make it with index={…} to search by meaning.";
  return at === null ? null : "Only what is remembered now has vectors: switch to now.";
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
    <section class="lgm-changes" aria-label={`Changed by ${label}`} data-testid="lgviz-memory-changes">
      <h4>
        <span class="lgi-label">{label}</span> changed {count(data.total, "item")}
      </h4>
      {data.changes.map((change) => (
        <button
          key={change.ref}
          type="button"
          class={`lgm-row lgm-change is-${change.kind}`}
          data-testid="lgviz-memory-change"
          data-kind={change.kind}
          data-key={change.key}
          data-namespace={change.namespace.join(".")}
          aria-pressed={state.chosen.value === change.ref}
          aria-label={`${change.kind} ${change.namespace.join(".")} ${change.key}`}
          onClick={() => state.reveal(change.ref)}
        >
          <span class="lgm-sign" aria-hidden="true">
            {SIGNS[change.kind]}
          </span>
          <span class="lgm-key">{change.key}</span>
          <span class="lgm-summary">{change.summary}</span>
          <span class="lgm-where">{change.namespace.join(" › ")}</span>
        </button>
      ))}
      {data.total > data.changes.length && (
        <p class="lgi-more">{thousands(data.total - data.changes.length)} more</p>
      )}
    </section>
  );
}

// Above the list of the Memory tab: which moment, what is sought, and what can be done with all of it.
import { useEffect, useState } from "preact/hooks";
import { count, thousands } from "../../lib/format";
import type { MemoryView } from "../../protocol";
import type { MemoryState, SearchMode } from "../../state/memory";
import { Act } from "../ui/act";
import { CopyCode } from "../ui/copy";
import { CloseIcon, SearchIcon } from "../ui/icons";
import { Problem } from "../ui/problem";

interface BarProps {
  state: MemoryState;
  view: MemoryView;
  label: string;
  at: string | null;
}

export function MemoryBar({ state, view, label, at }: BarProps) {
  const { store } = state;
  const past = view.past && state.past.value;
  const reason =
    store.lost.value ??
    view.read_only ??
    (past ? `The past stays as it was: switch from ${label} to now.` : null);
  return (
    <div class="lgviz-memory-bar">
      <div class="lgviz-memory-line">
        {view.past ? (
          <fieldset class="lgviz-seg" aria-label="Which memory" data-testid="lgviz-memory-when">
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
          <span class="lgviz-memory-now" data-testid="lgviz-memory-when">
            now
          </span>
        )}
        <span class="lgviz-memory-store lgviz-faint" title={view.store ?? undefined}>
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
        <p class="lgviz-memory-note" data-testid="lgviz-memory-note">
          {view.store} keeps no versions: memory is shown as it is now. <span class="lgviz-mono">lgviz</span>
          ’s stores keep them.
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
      <div class="lgviz-memory-search">
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
          <span class="lgviz-faint lgviz-memory-found" role="status">
            {state.busy.value ? "…" : found(state)}
          </span>
        )}
        {text !== "" && (
          <button type="button" class="lgviz-bare" aria-label="Clear the search" onClick={clear}>
            <CloseIcon />
          </button>
        )}
        <fieldset class="lgviz-memory-modes" aria-label="How to search">
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

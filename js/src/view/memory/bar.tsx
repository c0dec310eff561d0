// Above the list of the Memory tab: which moment, what is sought, and what can be done with all of it.

import { useEffect, useState } from "preact/hooks";
import { thousands } from "../../lib/format";
import { t, tn } from "../../lib/words";
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
    (past ? t("The past stays as it was: switch from {label} to now.", { label }) : null);
  return (
    <div class="lgviz-memory-bar">
      <div class="lgviz-memory-line">
        {view.past ? (
          <fieldset class="lgviz-seg" aria-label={t("Which memory")} data-testid="lgviz-memory-when">
            <button
              type="button"
              aria-pressed={past}
              title={t("Memory as it was when {label} was made", { label })}
              onClick={() => (state.past.value = true)}
            >
              {t("as of {label}", { label })}
            </button>
            <button
              type="button"
              aria-pressed={!past}
              title={t("Memory as it is")}
              onClick={() => (state.past.value = false)}
            >
              {t("now")}
            </button>
          </fieldset>
        ) : (
          <span class="lgviz-memory-now" data-testid="lgviz-memory-when">
            {t("now")}
          </span>
        )}
        <span class="lgviz-memory-store lgviz-faint" title={view.store ?? undefined}>
          {view.store}
        </span>
        <Act
          name={t("Add")}
          testid="lgviz-memory-add"
          reason={reason}
          act={() => (state.doing.value = "add")}
          pressed={state.doing.value === "add"}
        />
        <CopyCode
          source={store.source}
          name={t("Copy")}
          choices={() => [
            {
              name: t("search"),
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
          {t("{store} keeps no versions: memory is shown as it is now. The stores of lgviz keep them.", {
            store: view.store ?? "",
          })}
        </p>
      )}
    </div>
  );
}

function modes(): { mode: SearchMode; name: string; hint: string }[] {
  return [
    { mode: "text", name: t("text"), hint: t("Search keys and values…") },
    { mode: "filter", name: t("filter"), hint: '{"score": {"$gt": 9}}' },
    { mode: "query", name: t("meaning"), hint: t("What does she like?") },
  ];
}

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
          aria-label={t("Search memory")}
          aria-invalid={error !== null && text !== ""}
          placeholder={modes().find((one) => one.mode === mode)?.hint}
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
          <button type="button" class="lgviz-bare" aria-label={t("Clear the search")} onClick={clear}>
            <CloseIcon />
          </button>
        )}
        <fieldset class="lgviz-memory-modes" aria-label={t("How to search")}>
          {modes().map((one) => {
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
  return state.more.value ? t("{n}+ items", { n: thousands(items) }) : tn("{n} item", "{n} items", items);
}

/** Why nothing can be sought by meaning. */
function meaningless(view: MemoryView, at: string | null): string | null {
  if (!view.semantic) return t("The store has no index: make it with index={…} to search by meaning.");
  return at === null ? null : t("Only what is remembered now has vectors: switch to now.");
}

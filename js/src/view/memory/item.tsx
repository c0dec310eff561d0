// One item: what the step made of it, its value, its versions, and what can be done with it now.

import { duration, fullTime, timeOfDay } from "../../lib/format";
import type { Load } from "../../lib/paging";
import type { MemoryChange, MemoryCode, MemoryItemView, MemoryView } from "../../protocol";
import type { MemoryState } from "../../state/memory";
import { Channels } from "../inspector/diff";
import { Value } from "../inspector/value";
import { Act } from "../ui/act";
import { useAsk } from "../ui/ask";
import { type CodeChoice, CopyCode } from "../ui/copy";
import { Problem } from "../ui/problem";
import { Deletion, MemoryEditor } from "./edit";
import { MemoryVersions } from "./versions";

interface Props {
  state: MemoryState;
  view: MemoryView;
  /** The checkpoint as of which it is shown; null: now. */
  at: string | null;
  itemRef: string;
  label: string;
  change: MemoryChange | undefined;
}

export function MemoryItem({ state, view, at, itemRef, label, change }: Props) {
  const { source } = state.store;
  const asked = useAsk(source, "memory_item", { checkpoint: at, ref: itemRef }, view.token);
  const item = asked.data;
  if (asked.error) return <Problem error={asked.error} retry={asked.retry} />;
  if (!item) return <p class="lgviz-empty">…</p>;
  const doing = state.doing.value;
  if (doing === "edit") return <MemoryEditor key={itemRef} state={state} view={view} item={item} />;
  const load: Load = (path, offset, limit, signal) =>
    source.request(
      "memory_value",
      { checkpoint: at, ref: itemRef, path: [...path], offset, limit },
      signal ? { signal } : {},
    );
  return (
    <article class="lgviz-memory-item" data-testid="lgviz-memory-open" aria-label={item.key}>
      <Top state={state} view={view} item={item} at={at} label={label} />
      {doing === "delete" && <Deletion state={state} view={view} item={item} />}
      {change && (
        <section aria-label={`What ${label} did`} data-testid="lgviz-memory-diff">
          <h4 class="lgviz-heading">
            <span class="lgviz-checkpoint">{label}</span> {change.kind} it
            {change.node !== null && <span class="lgviz-faint"> · {change.node}</span>}
          </h4>
          <Channels diff={change.diff} />
        </section>
      )}
      {item.value === null ? (
        <p class="lgviz-memory-gone">
          {at === null ? "It is not remembered now." : `It was not remembered at ${label}.`}
        </p>
      ) : (
        <section aria-label="Value">
          {(change || view.versions) && <h4 class="lgviz-heading">value</h4>}
          <div class="lgviz-card lgviz-memory-value">
            <Value node={item.value} load={load} bare />
          </div>
        </section>
      )}
      {view.versions && <MemoryVersions state={state} view={view} itemRef={itemRef} />}
    </article>
  );
}

interface TopProps {
  state: MemoryState;
  view: MemoryView;
  item: MemoryItemView;
  at: string | null;
  label: string;
}

function Top({ state, view, item, at, label }: TopProps) {
  const past = at === null ? null : `The past stays as it was: switch from ${label} to now.`;
  const gone = item.value === null ? "There is nothing to change: the item is not there." : null;
  const reason = state.store.lost.value ?? view.read_only ?? past ?? gone;
  const doing = state.doing.value;
  return (
    <header class="lgviz-memory-top">
      <div class="lgviz-memory-line">
        <h3 class="lgviz-memory-title">{item.key}</h3>
        <span class="lgviz-spacer" />
        <Act
          name="Edit"
          testid="lgviz-memory-edit"
          reason={reason ?? item.reason}
          act={() => (state.doing.value = "edit")}
        />
        <Act
          name="Delete"
          testid="lgviz-memory-delete"
          reason={reason}
          pressed={doing === "delete"}
          act={() => (state.doing.value = doing === "delete" ? null : "delete")}
        />
        <CopyCode
          source={state.store.source}
          name="Copy"
          choices={() => choices(state, view, item.ref, at)}
        />
        <button
          type="button"
          class="lgviz-link lgviz-memory-close"
          aria-label="Close the item"
          onClick={() => state.choose(null)}
        >
          ✕
        </button>
      </div>
      <p class="lgviz-facts">
        <span class="lgviz-mono">{item.namespace.join(" › ")}</span>
        {at !== null && (
          <span>
            {" · "}as of {label}
            {" · "}
            <button type="button" class="lgviz-link" onClick={() => (state.past.value = false)}>
              see now
            </button>
          </span>
        )}
        {item.updated_at !== null && (
          <span title={item.created_at === null ? undefined : `made ${fullTime(item.created_at)}`}>
            {" · "}written {timeOfDay(iso(item.updated_at))}
          </span>
        )}
        {item.expires_at !== null && (
          <span title={fullTime(item.expires_at)} data-testid="lgviz-memory-ttl">
            {" · "}
            {left(item.expires_at)}
            {item.ttl !== null && ` of ${duration(item.ttl * 60_000)}`}
          </span>
        )}
      </p>
    </header>
  );
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

function left(expires: number): string {
  const rest = expires - Date.now();
  return rest <= 0 ? "expired" : `expires in ${duration(rest)}`;
}

function choices(state: MemoryState, view: MemoryView, ref: string, at: string | null): CodeChoice[] {
  const checkpoint = state.store.selected.peek() ?? "";
  const choice = (name: string, memory: MemoryCode): CodeChoice => ({
    name,
    request: { act: "memory", checkpoint, memory },
  });
  return [
    choice("read", { act: "get", ref, as_of: at !== null }),
    ...(view.versions ? [choice("versions", { act: "history", ref, as_of: false })] : []),
  ];
}

// One item: what the step made of it, its value, its versions, and what can be done with it now.

import type { ComponentChild } from "preact";
import { duration, fullTime, timeOfDay } from "../../lib/format";
import { memoryLoader } from "../../lib/paging";
import { t, tx } from "../../lib/words";
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
  const whole = { checkpoint: at, ref: itemRef, version: null };
  return (
    <article class="lgviz-memory-item" data-testid="lgviz-memory-open" aria-label={item.key}>
      <Top state={state} view={view} item={item} at={at} label={label} />
      {doing === "delete" && <Deletion state={state} view={view} item={item} />}
      {change && (
        <section aria-label={t("What {label} did", { label })} data-testid="lgviz-memory-diff">
          <h4 class="lgviz-heading">
            {did(change.kind, <span class="lgviz-checkpoint">{label}</span>)}
            {change.node !== null && <span class="lgviz-faint"> · {change.node}</span>}
          </h4>
          <Channels
            diff={change.diff}
            load={{ after: (field) => memoryLoader(source, { ...whole, field }) }}
          />
        </section>
      )}
      {item.value === null ? (
        <p class="lgviz-memory-gone">
          {at === null ? t("It is not remembered now.") : t("It was not remembered at {label}.", { label })}
        </p>
      ) : (
        <section aria-label={t("Value")}>
          {(change || view.versions) && <h4 class="lgviz-heading">{t("value")}</h4>}
          <div class="lgviz-card lgviz-memory-value">
            <Value node={item.value} load={memoryLoader(source, { ...whole, field: null })} bare />
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
  const past = at === null ? null : t("The past stays as it was: switch from {label} to now.", { label });
  const gone = item.value === null ? t("There is nothing to change: the item is not there.") : null;
  const reason = state.store.lost.value ?? view.read_only ?? past ?? gone;
  const doing = state.doing.value;
  return (
    <header class="lgviz-memory-top">
      <div class="lgviz-memory-line">
        <h3 class="lgviz-memory-title">{item.key}</h3>
        <span class="lgviz-spacer" />
        <Act
          name={t("Edit")}
          testid="lgviz-memory-edit"
          reason={reason ?? item.reason}
          act={() => (state.doing.value = "edit")}
        />
        <Act
          name={t("Delete")}
          testid="lgviz-memory-delete"
          reason={reason}
          pressed={doing === "delete"}
          act={() => (state.doing.value = doing === "delete" ? null : "delete")}
        />
        <CopyCode
          source={state.store.source}
          name={t("Copy")}
          choices={() => choices(state, view, item.ref, at)}
        />
        <button
          type="button"
          class="lgviz-link lgviz-memory-close"
          aria-label={t("Close the item")}
          onClick={() => state.choose(null)}
        >
          ✕
        </button>
      </div>
      <p class="lgviz-facts">
        <span class="lgviz-mono">{item.namespace.join(" › ")}</span>
        {at !== null && (
          <span>
            {` · ${t("as of {label}", { label })} · `}
            <button type="button" class="lgviz-link" onClick={() => (state.past.value = false)}>
              {t("see now")}
            </button>
          </span>
        )}
        {item.updated_at !== null && (
          <span
            title={
              item.created_at === null ? undefined : t("made {time}", { time: fullTime(item.created_at) })
            }
          >
            {` · ${t("written {time}", { time: timeOfDay(iso(item.updated_at)) })}`}
          </span>
        )}
        {item.expires_at !== null && (
          <span title={fullTime(item.expires_at)} data-testid="lgviz-memory-ttl">
            {` · ${left(item.expires_at, item.ttl)}`}
          </span>
        )}
      </p>
    </header>
  );
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

function left(expires: number, ttl: number | null): string {
  const rest = expires - Date.now();
  const time = duration(rest);
  if (ttl === null) return rest <= 0 ? t("expired") : t("expires in {time}", { time });
  const whole = duration(ttl * 60_000);
  return rest <= 0
    ? t("expired after {whole}", { whole })
    : t("expires in {time} of {whole}", { time, whole });
}

/** What a step did to the item. */
function did(kind: MemoryChange["kind"], label: ComponentChild): ComponentChild {
  if (kind === "added") return tx("{label} added it", { label });
  return kind === "removed" ? tx("{label} removed it", { label }) : tx("{label} changed it", { label });
}

function choices(state: MemoryState, view: MemoryView, ref: string, at: string | null): CodeChoice[] {
  const checkpoint = state.store.selected.peek() ?? "";
  const choice = (name: string, memory: MemoryCode): CodeChoice => ({
    name,
    request: { act: "memory", checkpoint, memory },
  });
  return [
    choice(t("read"), { act: "get", ref, as_of: at !== null }),
    ...(view.versions ? [choice(t("versions"), { act: "history", ref, as_of: false })] : []),
  ];
}

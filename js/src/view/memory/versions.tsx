// The versions of one item, newest on top: who wrote each, and what it changed.

import { useState } from "preact/hooks";
import { fullTime, kindName, thousands, timeOfDay } from "../../lib/format";
import { memoryLoader } from "../../lib/paging";
import { t } from "../../lib/words";
import type { MemoryVersion, MemoryView, MemoryWriter } from "../../protocol";
import type { MemoryState } from "../../state/memory";
import type { Store } from "../../state/store";
import { Channels } from "../inspector/diff";
import { useAsk } from "../ui/ask";
import { Problem } from "../ui/problem";

const PAGE = 20;

interface Props {
  state: MemoryState;
  view: MemoryView;
  itemRef: string;
}

export function MemoryVersions({ state, view, itemRef }: Props) {
  const { store } = state;
  const [shown, setShown] = useState(PAGE);
  /** The version whose change is open, and the one it is compared with; null: the one before. */
  const [open, setOpen] = useState<number | null>(null);
  const [base, setBase] = useState<number | null>(null);
  const asked = useAsk(
    store.source,
    "memory_versions",
    { ref: itemRef, offset: 0, limit: shown },
    view.token,
  );
  const data = asked.data;
  if (asked.error) return <Problem error={asked.error} retry={asked.retry} />;
  if (!data) return null;
  const toggle = (number: number, compare: boolean) => {
    if (compare && open !== null && open !== number) setBase(base === number ? null : number);
    else {
      setOpen(open === number ? null : number);
      setBase(null);
    }
  };
  return (
    <section class="lgviz-memory-versions" aria-label={t("Versions")} data-testid="lgviz-memory-versions">
      <h4 class="lgviz-heading">
        {t("versions")} <span class="lgviz-faint">{thousands(data.total)}</span>
        {open !== null && base === null && data.total > 1 && (
          <span class="lgviz-faint">{` · ${t("Ctrl-click another to compare")}`}</span>
        )}
      </h4>
      <ol>
        {data.versions.map((version) => {
          const { number } = version;
          const isOpen = number === open;
          return (
            <li
              key={number}
              class={`lgviz-memory-version is-${version.kind}${isOpen ? " is-open" : ""}${number === base ? " is-base" : ""}`}
              data-testid="lgviz-memory-version"
              data-number={number}
              data-kind={version.kind}
            >
              <div class="lgviz-memory-version-line">
                <i class="lgviz-memory-knot" aria-hidden="true" />
                <button
                  type="button"
                  class="lgviz-memory-version-open"
                  aria-expanded={isOpen}
                  aria-label={t("Version {n}, {kind}", { n: number, kind: kindName(version.kind) })}
                  onClick={(event) => toggle(number, event.ctrlKey || event.metaKey)}
                >
                  <span class="lgviz-memory-number">v{number}</span>
                  <span class="lgviz-memory-summary">
                    {version.kind === "removed" ? <em>{t("deleted")}</em> : version.summary}
                  </span>
                </button>
                {open !== null && !isOpen && (
                  <button
                    type="button"
                    class="lgviz-copy lgviz-memory-compare"
                    aria-pressed={number === base}
                    aria-label={t("Compare version {n} with version {other}", { n: number, other: open })}
                    onClick={() => toggle(number, true)}
                  >
                    {t("compare")}
                  </button>
                )}
                <time title={fullTime(version.at)}>{timeOfDay(new Date(version.at).toISOString())}</time>
              </div>
              <By store={store} version={version} />
              {isOpen && (
                <VersionDiff
                  store={store}
                  itemRef={itemRef}
                  before={Math.min(number, base ?? number - 1)}
                  after={Math.max(number, base ?? number - 1)}
                  token={view.token}
                />
              )}
            </li>
          );
        })}
      </ol>
      {data.total > data.versions.length && (
        <button type="button" class="lgviz-link" onClick={() => setShown(Math.min(200, shown + 60))}>
          {t("show earlier of {n}", { n: thousands(data.total - data.versions.length) })}
        </button>
      )}
    </section>
  );
}

interface DiffProps {
  store: Store;
  itemRef: string;
  before: number;
  after: number;
  token: string;
}

function VersionDiff({ store, itemRef, before, after, token }: DiffProps) {
  const asked = useAsk(store.source, "memory_diff", { ref: itemRef, before, after }, token);
  const side = (version: number) => (field: string) =>
    memoryLoader(store.source, { checkpoint: null, ref: itemRef, version, field });
  if (asked.error) return <Problem error={asked.error} retry={asked.retry} />;
  if (!asked.data) return <p class="lgviz-empty">…</p>;
  return (
    <div class="lgviz-memory-version-diff" data-testid="lgviz-memory-version-diff" aria-busy={asked.pending}>
      <p class="lgviz-faint lgviz-mono">
        {before === 0 ? t("nothing") : `v${before}`} → v{after}
      </p>
      <Channels
        diff={asked.data}
        load={{ before: before === 0 ? undefined : side(before), after: side(after) }}
      />
    </div>
  );
}

/** The node and the checkpoint that wrote a version; the checkpoint is a way to it. */
function By({ store, version }: { store: Store; version: MemoryVersion }) {
  const { node, thread_id, writer } = version;
  if (thread_id === null) return <div class="lgviz-faint lgviz-memory-by">{t("outside a run")}</div>;
  return (
    <div class="lgviz-memory-by">
      {node !== null && <span class="lgviz-mute">{node}</span>}
      {writer ? (
        <button
          type="button"
          class="lgviz-link lgviz-mono"
          data-testid="lgviz-memory-writer"
          aria-label={t("Go to {label} of thread {thread}", {
            label: writer.label,
            thread: writer.thread_id,
          })}
          title={t("thread {name}", { name: writer.thread_id })}
          onClick={() => void goTo(store, writer)}
        >
          {writer.thread_id !== store.thread.value?.thread_id && (
            <span class="lgviz-memory-thread">{writer.thread_id} ·</span>
          )}
          {writer.made ? writer.label : t("after {label}", { label: writer.label })}
        </button>
      ) : (
        <span class="lgviz-faint" title={t("The thread's checkpoints are not in this saver")}>
          {t("thread {name}", { name: thread_id })}
        </span>
      )}
    </div>
  );
}

async function goTo(store: Store, writer: MemoryWriter): Promise<void> {
  if (writer.thread_id !== store.thread.peek()?.thread_id) await store.openThread(writer.thread_id);
  if (store.tree.peek().rowOf(writer.id) >= 0) store.select(writer.id);
}

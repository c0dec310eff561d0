// What a fork would make, asked for while it is being written.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Debounce } from "../../lib/debounce";
import { counted } from "../../lib/format";
import { t } from "../../lib/words";
import type { DryRunView, ForkRequest, PreviewView } from "../../protocol";
import { isCancelled, ProtocolError } from "../../source/error";
import type { Source } from "../../source/types";
import { isReusing, serverReason } from "../../state/acts";
import type { Store } from "../../state/store";
import { Channels, type Loads } from "../inspector/diff";
import { useAsk } from "../ui/ask";
import { Problem } from "../ui/problem";

export interface Previewed {
  /** The request it answers, as text. */
  key: string | null;
  view: PreviewView | null;
  error: ProtocolError | null;
}

export const PAUSE = 250;

/** What the fork would make, asked after a pause in typing; an older question is cancelled. */
export function usePreview(source: Source, request: ForkRequest | null): Previewed & { pending: boolean } {
  // The note changes nothing that a preview shows.
  const key = request && JSON.stringify({ ...request, note: null });
  const [previewed, setPreviewed] = useState<Previewed>({ key: null, view: null, error: null });
  const debounce = useRef(new Debounce(PAUSE));
  const latest = useRef(request);
  latest.current = request;
  // `key` stands for what the request holds.
  useEffect(() => {
    const waiting = debounce.current;
    const asked = latest.current;
    if (key === null || asked === null) return;
    waiting.ask((signal) => {
      source.request("fork_preview", { ...asked, note: null }, { signal }).then(
        (view) => {
          if (!signal.aborted) setPreviewed({ key, view, error: null });
        },
        (error: unknown) => {
          if (signal.aborted || isCancelled(error)) return;
          setPreviewed({ key, view: null, error: ProtocolError.of(error) });
        },
      );
    });
    return () => waiting.cancel();
  }, [source, key]);
  return { ...previewed, pending: key !== null && previewed.key !== key };
}

interface Props {
  store: Store;
  request: ForkRequest;
  previewed: Previewed & { pending: boolean };
  /** Why there is nothing to preview yet. */
  obstacle: string | null;
  /** Asks for what the checkpoint holds. */
  load: Loads;
}

/** The resulting changes and what runs then; nothing is written for it. */
export function Preview({ store, request, previewed, obstacle, load }: Props) {
  const { view, error, pending } = previewed;
  const settled = obstacle === null && !error && !pending;
  return (
    <div class="lgviz-then" data-testid="lgviz-fork-preview" aria-live="polite" aria-busy={pending}>
      <h4>{t("then:")}</h4>
      {obstacle !== null ? (
        <div class="lgviz-preview-box lgviz-mute">{obstacle}</div>
      ) : error && !pending ? (
        <Problem error={error} />
      ) : view ? (
        <Result view={view} load={load}>
          {view.next.length > 0 && !view.untried && (
            <ReuseLine store={store} request={settled ? request : null} />
          )}
        </Result>
      ) : (
        <div class="lgviz-preview-box lgviz-faint">{t("trying it…")}</div>
      )}
    </div>
  );
}

interface ResultProps {
  view: PreviewView;
  load: Loads;
  children: ComponentChildren;
}

function Result({ view, load, children }: ResultProps) {
  const { channels } = view.diff;
  return (
    <>
      <div class="lgviz-preview-box">
        {`${t("runs")} `}
        <b class="lgviz-next" data-testid="lgviz-fork-next">
          {view.next.length > 0 ? counted(view.next).join(", ") : t("nothing")}
        </b>
        {view.next.length === 0 && <span class="lgviz-mute">{t(": the run ends")}</span>}
        <span class="lgviz-faint">{` · ${t("nothing written yet")}`}</span>
        {children}
      </div>
      {view.warnings.map((warning) => (
        <p class="lgviz-warning" key={warning}>
          {warning}
        </p>
      ))}
      {!view.untried && <h4>{t("what changes")}</h4>}
      {view.untried ? null : channels.length === 0 ? (
        <p class="lgviz-mute">{t("no channel changes")}</p>
      ) : (
        <div class="lgviz-preview-cards">
          <Channels diff={view.diff} load={load} />
        </div>
      )}
    </>
  );
}

/** Whether history is to answer what the fork does not touch, and what that would be (null: not known yet). */
function ReuseLine({ store, request }: { store: Store; request: ForkRequest | null }) {
  const reuse = isReusing(store);
  const reason = serverReason(store);
  const fork = request && { ...request, note: null };
  const asked = useAsk(
    store.source,
    "dry_run",
    reuse && fork ? { checkpoint: fork.checkpoint, fork, configurable: fork.configurable } : null,
    store.revision.value,
  );
  return (
    <label class="lgviz-check lgviz-reuse" title={reason ?? undefined}>
      <input
        type="checkbox"
        data-testid="lgviz-reuse"
        checked={reuse}
        disabled={reason !== null}
        onChange={(event) => (store.reuse.value = event.currentTarget.checked)}
      />
      <span>
        {t("reuse what did not change")}
        {reuse && (
          <span class="lgviz-faint" data-testid="lgviz-reuse-ahead">
            {asked.data && !asked.pending ? `: ${told(asked.data)}` : asked.error ? "" : " …"}
          </span>
        )}
      </span>
    </label>
  );
}

/** What history would answer, in words. */
function told({ served, runs, ends }: DryRunView): string {
  const names = (nodes: Record<string, number>) =>
    counted(Object.entries(nodes).flatMap(([node, n]) => Array<string>(n).fill(node))).join(", ");
  const [answered, left] = [names(served), names(runs)];
  if (left === "" && answered === "") return t("history answers nothing");
  if (answered === "") return t("history does not answer {nodes}", { nodes: left });
  if (left === "")
    return ends
      ? t("history answers {nodes}, which is all", { nodes: answered })
      : t("history answers {nodes} at least", { nodes: answered });
  return t("history answers {nodes}; then {left} must run", { nodes: answered, left });
}

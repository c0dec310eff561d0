// What a fork would make, asked for while it is being written.
import { useEffect, useRef, useState } from "preact/hooks";
import { Debounce } from "../../lib/debounce";
import { counted } from "../../lib/format";
import { t } from "../../lib/words";
import type { ForkRequest, PreviewView } from "../../protocol";
import { isCancelled, ProtocolError } from "../../source/error";
import type { Source } from "../../source/types";
import { Channels, type Loads } from "../inspector/diff";
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
  previewed: Previewed & { pending: boolean };
  /** Why there is nothing to preview yet. */
  obstacle: string | null;
  /** Asks for what the checkpoint holds. */
  load: Loads;
}

/** The resulting changes and what runs then; nothing is written for it. */
export function Preview({ previewed, obstacle, load }: Props) {
  const { view, error, pending } = previewed;
  return (
    <div class="lgviz-then" data-testid="lgviz-fork-preview" aria-live="polite" aria-busy={pending}>
      <h4>{t("then:")}</h4>
      {obstacle !== null ? (
        <div class="lgviz-preview-box lgviz-mute">{obstacle}</div>
      ) : error && !pending ? (
        <Problem error={error} />
      ) : view ? (
        <Result view={view} load={load} />
      ) : (
        <div class="lgviz-preview-box lgviz-faint">{t("trying it…")}</div>
      )}
    </div>
  );
}

function Result({ view, load }: { view: PreviewView; load: Loads }) {
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
      </div>
      {view.warnings.map((warning) => (
        <p class="lgviz-warning" key={warning}>
          {warning}
        </p>
      ))}
      <h4>{t("what changes")}</h4>
      {channels.length === 0 ? (
        <p class="lgviz-mute">{t("no channel changes")}</p>
      ) : (
        <div class="lgviz-preview-cards">
          <Channels diff={view.diff} load={load} />
        </div>
      )}
    </>
  );
}

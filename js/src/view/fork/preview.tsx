// What a fork would make, asked for while it is being written.
import { useEffect, useRef, useState } from "preact/hooks";
import { Debounce } from "../../lib/debounce";
import { counted } from "../../lib/format";
import type { ForkRequest, PreviewView } from "../../protocol";
import { isCancelled, ProtocolError } from "../../source/error";
import type { Source } from "../../source/types";
import { Channels } from "../inspector/diff";
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
}

/** The resulting changes and what runs then; nothing is written for it. */
export function Preview({ previewed, obstacle }: Props) {
  const { view, error, pending } = previewed;
  return (
    <div class="lgviz-preview-box" data-testid="lgviz-fork-preview" aria-live="polite" aria-busy={pending}>
      {obstacle !== null ? (
        <span class="lgviz-mute">{obstacle}</span>
      ) : error && !pending ? (
        <Problem error={error} />
      ) : view ? (
        <Result view={view} />
      ) : (
        <span class="lgviz-faint">trying it…</span>
      )}
    </div>
  );
}

function Result({ view }: { view: PreviewView }) {
  const [open, setOpen] = useState(true);
  const { channels } = view.diff;
  return (
    <>
      <div>
        {"then runs "}
        <b class="lgviz-next" data-testid="lgviz-fork-next">
          {view.next.length > 0 ? counted(view.next).join(", ") : "nothing"}
        </b>
        {view.next.length === 0 && <span class="lgviz-mute">: the run ends</span>}
        <span class="lgviz-mute">
          {" · "}
          {channels.length === 0 ? (
            "no channel changes"
          ) : (
            <button type="button" class="lgviz-disclose" aria-expanded={open} onClick={() => setOpen(!open)}>
              {channels.map((one, i) => (
                <span key={one.channel}>
                  {i > 0 && " · "}
                  <code>{one.channel}</code> {one.summary}
                </span>
              ))}
            </button>
          )}
          {" · nothing written yet"}
        </span>
      </div>
      {view.warnings.map((warning) => (
        <p class="lgviz-warning" key={warning}>
          {warning}
        </p>
      ))}
      {open && channels.length > 0 && (
        <div class="lgviz-preview-cards">
          <Channels diff={view.diff} />
        </div>
      )}
    </>
  );
}

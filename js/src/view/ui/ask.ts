// A view's question to the source: asked when its parameters change, the older one cancelled.

import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../lib/words";
import { isCancelled, ProtocolError } from "../../source/error";
import type { CopyProgress, Method, Params, ProgressOf, Result, Source } from "../../source/types";

export interface Asked<T> {
  /** The last answer; while a newer one is on its way it is that of an older question. */
  data: T | undefined;
  error: ProtocolError | undefined;
  /** True from a change of the question until its answer. */
  pending: boolean;
  retry(): void;
}

/** Milliseconds after which it is said how far an answer is. */
const LATE = 500;

/** What tells how far it is by counting. */
type Long = { [M in Method]: ProgressOf<M> extends CopyProgress ? M : never }[Method];

interface State<T> {
  key: string | null;
  data: T | undefined;
  error: ProtocolError | undefined;
}

/** Ask `method` whenever `params` (null: nothing to ask) or `version` changes; `tell` hears how far it is. */
export function useAsk<M extends Method>(
  source: Source,
  method: M,
  params: Params<M> | null,
  version: unknown = 0,
  tell?: (progress: ProgressOf<M>) => void,
): Asked<Result<M>> {
  const [again, setAgain] = useState(0);
  const [state, setState] = useState<State<Result<M>>>({ key: null, data: undefined, error: undefined });
  const key = params === null ? null : `${JSON.stringify(params)}|${String(version)}|${again}`;
  const latest = useRef(params);
  latest.current = params;
  // `key` stands for what the parameters hold.
  useEffect(() => {
    const asked = latest.current;
    if (key === null || asked === null) return;
    const abort = new AbortController();
    // What came before it was asked is shown until the answer comes.
    const known = source.known?.(method, asked);
    if (known !== undefined) setState((was) => (was.data === undefined ? { ...was, data: known } : was));
    source.request(method, asked, { signal: abort.signal, ...(tell && { onProgress: tell }) }).then(
      (data) => {
        if (!abort.signal.aborted) setState({ key, data, error: undefined });
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const failure = isCancelled(error)
          ? new ProtocolError("cancelled", t("The answer was cancelled."), t("Ask again."))
          : ProtocolError.of(error);
        setState({ key, data: undefined, error: failure });
      },
    );
    return () => abort.abort();
  }, [source, method, key]);
  return {
    data: key === null ? undefined : state.data,
    error: key !== null && state.key === key ? state.error : undefined,
    pending: key !== null && state.key !== key,
    retry: () => setAgain((n) => n + 1),
  };
}

/** `useAsk` of what may take long: once it does, `progress` is how far it is. */
export function useLongAsk<M extends Long>(
  source: Source,
  method: M,
  params: Params<M> | null,
  version: unknown = 0,
): Asked<Result<M>> & { progress: CopyProgress | null } {
  const [told, setTold] = useState<CopyProgress | null>(null);
  const [late, setLate] = useState(false);
  const asked = useAsk(source, method, params, version, (progress) => setTold(progress as CopyProgress));
  const question = asked.pending ? JSON.stringify(params) : null;
  useEffect(() => {
    setTold(null);
    setLate(false);
    if (question === null) return;
    const timer = setTimeout(() => setLate(true), LATE);
    return () => clearTimeout(timer);
  }, [question]);
  return { ...asked, progress: late && asked.pending ? told : null };
}

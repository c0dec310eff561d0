// Which thread is shown, and the list of all threads.

import { useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ago, fullTime, statusName, thousands } from "../../lib/format";
import { still } from "../../lib/still";
import { t, tn } from "../../lib/words";
import type { ThreadStatus, ThreadSummary } from "../../protocol";
import { isCancelled, ProtocolError } from "../../source/error";
import type { Store } from "../../state/store";
import type { ViewState } from "../../state/view";
import { CheckIcon, ChevronDown, StartIcon } from "../ui/icons";
import { useId } from "../ui/id";
import { useOutside } from "../ui/popup";

const PAGE = 50;

function statusOf(status: ThreadStatus): string {
  return status === "interrupted" ? t("waits for an answer") : statusName(status);
}

export function StatusBadge({ status }: { status: ThreadStatus }) {
  return <span class={`lgviz-picker-status is-${status}`}>{statusOf(status)}</span>;
}

export function Picker({ view }: { view: ViewState }) {
  const { store } = view;
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const listId = useId();
  const thread = store.thread.value;
  const close = () => setOpen(false);
  const leave = () => {
    close();
    button.current?.focus({ preventScroll: true });
  };
  useOutside(box, open, close);
  return (
    <div class="lgviz-picker" ref={box}>
      <button
        ref={button}
        type="button"
        class="lgviz-pick"
        data-testid="lgviz-thread-picker"
        aria-haspopup="listbox"
        aria-expanded={open}
        aria-controls={open ? listId : undefined}
        aria-label={thread ? t("Thread {name}", { name: thread.thread_id }) : t("Choose a thread")}
        onClick={() => setOpen(!open)}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" && !open) {
            event.preventDefault();
            setOpen(true);
          }
        }}
      >
        <b>{thread?.thread_id ?? t("Threads")}</b>
        {thread && (
          <>
            <span class="lgviz-mute lgviz-counts">
              {tn("{n} checkpoint", "{n} checkpoints", thread.count ?? 0)}
              {view.branches.value > 1 && ` · ${tn("{n} branch", "{n} branches", view.branches.value)}`}
            </span>
            {!(thread.status === "running" && store.lost.value !== null) && (
              <StatusBadge status={thread.status} />
            )}
          </>
        )}
        <ChevronDown />
      </button>
      {open && <ThreadList store={store} listId={listId} leave={leave} />}
    </div>
  );
}

interface ListProps {
  store: Store;
  listId: string;
  leave(): void;
}

function ThreadList({ store, listId, leave }: ListProps) {
  const [query, setQuery] = useState("");
  const { threads, total, error, more, retry } = useThreads(store, query);
  const [active, setActive] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const current = store.thread.value?.thread_id;
  useLayoutEffect(() => field.current?.focus({ preventScroll: true }), []);
  useEffect(() => {
    list.current?.querySelector(`[data-index="${active}"]`)?.scrollIntoView({ block: "nearest" });
    if (threads && active >= threads.length - 5) more();
  }, [active, threads, more]);
  const choose = (thread: ThreadSummary | undefined) => {
    if (!thread) return;
    leave();
    if (thread.thread_id !== current) void store.openThread(thread.thread_id);
  };
  const last = (threads?.length ?? 0) - 1;
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, number> = {
      ArrowDown: Math.min(last, active + 1),
      ArrowUp: Math.max(0, active - 1),
      PageDown: Math.min(last, active + 8),
      PageUp: Math.max(0, active - 8),
    };
    const to = moves[event.key];
    if (to !== undefined) setActive(to);
    else if (event.key === "Enter") choose(threads?.[active]);
    else if (event.key === "Escape") leave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="lgviz-popup lgviz-threads">
      <input
        ref={field}
        class="lgviz-picker-find"
        type="text"
        role="combobox"
        placeholder={t("Filter threads…")}
        aria-label={t("Filter threads")}
        aria-expanded="true"
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={threads?.[active] ? `${listId}-${active}` : undefined}
        autocomplete="off"
        spellcheck={false}
        value={query}
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          setActive(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div
        ref={list}
        id={listId}
        class="lgviz-options"
        role="listbox"
        aria-label={t("Threads")}
        tabIndex={-1}
        onScroll={(event) => {
          const { scrollTop, clientHeight, scrollHeight } = event.currentTarget;
          if (scrollTop + clientHeight > scrollHeight - 120) more();
        }}
      >
        {threads?.map((thread, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the filter field has the focus and handles the keys.
          <div
            key={thread.thread_id}
            id={`${listId}-${index}`}
            class={index === active ? "lgviz-option is-active" : "lgviz-option"}
            role="option"
            tabIndex={-1}
            data-index={index}
            data-thread-id={thread.thread_id}
            aria-selected={thread.thread_id === current}
            onClick={() => choose(thread)}
            onPointerMove={() => setActive(index)}
          >
            <span class="lgviz-tick">{thread.thread_id === current && <CheckIcon />}</span>
            <span class="lgviz-thread-id">{thread.thread_id}</span>
            <StatusBadge status={thread.status} />
            <span class="lgviz-mute lgviz-num">{thread.count !== null && thousands(thread.count)}</span>
            <span class="lgviz-faint lgviz-when" title={fullTime(thread.updated_at ?? Number.NaN)}>
              {ago(thread.updated_at)}
            </span>
          </div>
        ))}
        {threads?.length === 0 && <p class="lgviz-hint">{t("No thread matches.")}</p>}
        {!threads && !error && <p class="lgviz-hint">{t("Reading the threads…")}</p>}
        {error && (
          <p class="lgviz-hint" role="alert" data-testid="lgviz-error">
            {error.message} {error.remedy}{" "}
            <button type="button" class="lgviz-picker-retry" onClick={retry}>
              {t("Retry")}
            </button>
          </p>
        )}
      </div>
      {!still.value && (
        <button
          type="button"
          class="lgviz-new-thread"
          data-testid="lgviz-thread-new"
          disabled={store.readOnly.value !== null}
          title={store.readOnly.value ?? undefined}
          onClick={() => {
            leave();
            // A name that no thread has is that of the new one.
            const named = threads?.length === 0 && query.trim() !== "";
            store.openStart({ turn: false, thread: named ? query.trim() : null });
          }}
        >
          <StartIcon />
          {threads?.length === 0 && query.trim() !== ""
            ? t("New thread “{thread}”", { thread: query.trim() })
            : t("New thread")}
        </button>
      )}
      {threads && total > 0 && (
        <div class="lgviz-foot lgviz-faint">
          {tn("{n} thread", "{n} threads", total)}
          <span>↑↓ {t("Enter")}</span>
        </div>
      )}
    </div>
  );
}

/** The threads that match, page by page; the older pages stay while the next one loads. */
function useThreads(store: Store, query: string) {
  const [state, setState] = useState<{
    threads: ThreadSummary[] | null;
    total: number;
    after: string | null;
    error: ProtocolError | null;
  }>({
    threads: null,
    total: 0,
    after: null,
    error: null,
  });
  const [attempt, setAttempt] = useState(0);
  const loading = useRef<AbortController | null>(null);
  const load = (after: string | null) => {
    const abort = new AbortController();
    loading.current = abort;
    store.source
      .request("threads_list", { query, after, limit: PAGE }, { signal: abort.signal })
      .then((page) => {
        if (abort.signal.aborted) return;
        setState((old) => {
          const before = after === null ? [] : (old.threads ?? []);
          const shown = new Set(before.map((thread) => thread.thread_id));
          const fresh = page.threads.filter((thread) => !shown.has(thread.thread_id));
          return { threads: [...before, ...fresh], total: page.total, after: page.after, error: null };
        });
      })
      .catch((error: unknown) => {
        if (!isCancelled(error)) setState((old) => ({ ...old, error: ProtocolError.of(error) }));
      })
      .finally(() => {
        if (loading.current === abort) loading.current = null;
      });
  };
  useEffect(() => {
    const timer = setTimeout(() => load(null), query === "" ? 0 : 150);
    return () => {
      clearTimeout(timer);
      loading.current?.abort();
    };
  }, [query, attempt]);
  // The list follows the thread that is open: its count and status change while it runs.
  useSignalEffect(() => {
    const open = store.thread.value;
    if (!open) return;
    setState((old) =>
      old.threads?.some((thread) => thread.thread_id === open.thread_id)
        ? {
            ...old,
            threads: old.threads.map((thread) => (thread.thread_id === open.thread_id ? open : thread)),
          }
        : old,
    );
  });
  const more = () => {
    if (state.after !== null && !loading.current) load(state.after);
  };
  return { ...state, more, retry: () => setAttempt(attempt + 1) };
}

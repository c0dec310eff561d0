// The threads that a thread came from and that left it, as links.
import { t, tn } from "../../lib/words";
import type { ThreadLinkView } from "../../protocol";
import { labelOf, type Store } from "../../state/store";

/** Where the thread came from, over its tree; nothing where it began by itself. */
export function Origin({ store }: { store: Store }) {
  const { origin } = store.lineage.value;
  if (!origin) return null;
  return (
    <span class="lgviz-mute" data-testid="lgviz-thread-origin">
      {`${t("from thread")} `}
      <ThreadLink store={store} link={origin} />
      {` ${t("at")} `}
      <span class="lgviz-mono">{labelOf(store, origin.checkpoint)}</span>
    </span>
  );
}

/** The threads that left at a checkpoint. */
export function Departures({ store, checkpoint }: { store: Store; checkpoint: string }) {
  const left = store.lineage.value.forks.filter((fork) => fork.checkpoint === checkpoint);
  return (
    <span data-testid="lgviz-thread-forks">
      {`${tn("{n} thread left here", "{n} threads left here", left.length)}: `}
      {left.map((fork, i) => (
        <span key={fork.thread_id}>
          {i > 0 && ", "}
          <ThreadLink store={store} link={fork} />
        </span>
      ))}
    </span>
  );
}

function ThreadLink({ store, link }: { store: Store; link: ThreadLinkView }) {
  return (
    <button
      type="button"
      class="lgviz-link"
      title={t("Open thread {name}", { name: link.thread_id })}
      onClick={() => void store.openThread(link.thread_id, link.checkpoint)}
    >
      {link.thread_id}
    </button>
  );
}

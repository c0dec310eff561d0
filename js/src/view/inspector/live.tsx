// The tasks at work, with what they say, while their run is followed.
import { seconds } from "../../lib/format";
import { t, tn } from "../../lib/words";
import type { LiveTask, ValueNode } from "../../protocol";
import { innermost, type LiveRun, liveRuns, nameOf, spent } from "../../state/live";
import type { Store } from "../../state/store";
import { useNow } from "../ui/now";
import { Value } from "./value";

/** As many tasks as leave room to read below them. */
const SHOWN = 4;

export function LiveTasks({ store }: { store: Store }) {
  const live = liveRuns(store).findLast(({ run }) => follows(store, run.checkpoint));
  return live ? <Running live={live} /> : null;
}

/** Whether one looks at where a run is; elsewhere one reads undisturbed. */
function follows(store: Store, checkpoint: string | null): boolean {
  return checkpoint === null || checkpoint === store.selected.value;
}

function Running({ live }: { live: LiveRun }) {
  const now = useNow(true);
  const { tasks, custom, more } = live.view;
  // A task that only waits for those inside it says what they say.
  const inner = new Set(innermost(tasks));
  const all = tasks.filter((task) => inner.has(task) || task.status !== "working" || says(task));
  const left = more + all.length - SHOWN;
  return (
    <section class="lgviz-card lgviz-at-work" aria-label={t("Tasks at work")} data-testid="lgviz-live">
      {all.slice(0, SHOWN).map((task) => (
        <Task key={task.id} task={task} spent={spent(task, live.at, now)} />
      ))}
      <Events events={custom} title={t("LangGraph does not tell which of the tasks wrote this")} />
      {left > 0 && <p class="lgviz-more">{tn("{n} more task", "{n} more tasks", left)}</p>}
    </section>
  );
}

function says(task: LiveTask): boolean {
  return task.text !== "" || task.custom.length > 0;
}

function Task({ task, spent }: { task: LiveTask; spent: number }) {
  const time = seconds(spent);
  const text = {
    working: t("at work {time}", { time }),
    done: t("done in {time}", { time }),
    failed: t("failed after {time}", { time }),
  }[task.status];
  return (
    <div
      class="lgviz-at-work-task"
      data-testid="lgviz-live-task"
      data-node={task.node}
      data-status={task.status}
    >
      <p>
        <b>{nameOf(task)}</b>
        <span class={`lgviz-pill is-${task.status}`}>{text}</span>
      </p>
      {task.text !== "" && (
        <div class="lgviz-said-text">
          <div>
            {task.more > 0 && "…"}
            {task.text}
            {task.status === "working" && <i class="lgviz-caret" aria-hidden="true" />}
          </div>
        </div>
      )}
      <Events events={task.custom} />
    </div>
  );
}

/** The newest event; the others are counted. */
function Events({ events, title }: { events: readonly ValueNode[]; title?: string }) {
  const last = events.at(-1);
  if (!last) return null;
  return (
    <div class="lgviz-at-work-event" title={title}>
      <Value node={last} />
    </div>
  );
}

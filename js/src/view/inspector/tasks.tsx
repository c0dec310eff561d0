// The Tasks tab: the tasks of the next step, with what started, stopped or failed them.

import { useState } from "preact/hooks";
import { statusName } from "../../lib/format";
import { parts } from "../../lib/traceback";
import { t, tn } from "../../lib/words";
import type { TaskView } from "../../protocol";
import type { Store } from "../../state/store";
import { useAsk } from "../ui/ask";
import { CopyButton } from "../ui/copy";
import { Problem } from "../ui/problem";
import { UsageFact } from "./usage";
import { Value } from "./value";

interface Props {
  store: Store;
  checkpoint: string;
  version: unknown;
}

export function Tasks({ store, checkpoint, version }: Props) {
  const asked = useAsk(store.source, "tasks_get", { checkpoint }, version);
  if (asked.error) return <Problem error={asked.error} retry={asked.retry} />;
  if (!asked.data) return <p class="lgviz-empty">…</p>;
  if (asked.data.length === 0) return <p class="lgviz-empty">{t("No task follows: the run ended here.")}</p>;
  return (
    <div aria-busy={asked.pending}>
      {asked.data.map((task) => (
        <Task key={task.id} task={task} store={store} />
      ))}
    </div>
  );
}

function Task({ task, store }: { task: TaskView; store: Store }) {
  const row = task.subgraph === null ? -1 : store.tree.value.rowOfLabel(task.subgraph);
  const id = store.tree.value.ids[row];
  return (
    <section
      class="lgviz-card"
      aria-label={t("Task {name}", { name: task.name })}
      data-testid="lgviz-task"
      data-status={task.status}
    >
      <header>
        <b>{task.name}</b>
        <span class={`lgviz-badge is-${task.status}`}>{statusName(task.status)}</span>
        {task.status === "done" && task.served && (
          <span data-testid="lgviz-served" title={t("Answered from history: nothing ran")}>
            {t("served")}
          </span>
        )}
        {task.usage != null && <UsageFact usage={task.usage} />}
        {task.subgraph !== null &&
          (id === undefined ? (
            <span>{t("subgraph at {label}", { label: task.subgraph })}</span>
          ) : (
            <button type="button" class="lgviz-link" onClick={() => store.select(id)}>
              {t("subgraph {label}", { label: task.subgraph })}
            </button>
          ))}
        <span class="lgviz-card-who lgviz-mono" title={task.id}>
          {task.id.slice(0, 8)}
        </span>
      </header>
      {task.triggers.length > 0 && (
        <div class="lgviz-write">
          <span class="lgviz-key">{t("triggers")}</span>
          <div class="lgviz-tags">
            {task.triggers.map((trigger) => (
              <code class="lgviz-tag" key={trigger}>
                {trigger}
              </code>
            ))}
          </div>
        </div>
      )}
      {task.interrupts.map((interrupt) => (
        <div class="lgviz-write" key={interrupt.id}>
          <span class="lgviz-key">{interrupt.answered ? t("interrupt, answered") : t("interrupt")}</span>
          <div>
            <Value node={interrupt.value} open bare />
          </div>
        </div>
      ))}
      {task.error !== null && <TaskError error={task.error} traceback={task.traceback} />}
    </section>
  );
}

function TaskError({ error, traceback }: { error: string; traceback: string | null }) {
  const [open, setOpen] = useState(true);
  return (
    <div class="lgviz-task-error">
      <div class="lgviz-task-error-line">
        <b>{error}</b>
        {traceback !== null && (
          <>
            <button type="button" class="lgviz-link" aria-expanded={open} onClick={() => setOpen(!open)}>
              {open ? t("hide traceback") : t("traceback")}
            </button>
            <CopyButton label={t("Copy the traceback")} text={() => traceback} />
          </>
        )}
      </div>
      {traceback === null && (
        <p class="lgviz-empty">
          {t("No traceback was stored: this saver keeps the text of an error alone.")}
        </p>
      )}
      {open && traceback !== null && <Traceback text={traceback} />}
    </div>
  );
}

/** Own frames, and those of libraries once asked for. */
function Traceback({ text }: { text: string }) {
  const [all, setAll] = useState(false);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: scrolled by keyboard.
    <div class="lgviz-code" data-testid="lgviz-traceback" tabIndex={0}>
      {parts(text).map((part, i) =>
        part.library === 0 || all ? (
          <div key={i} class={part.library > 0 ? "lgviz-faint" : undefined}>
            {part.text}
          </div>
        ) : (
          <button key={i} type="button" class="lgviz-link" onClick={() => setAll(true)}>
            {`… ${tn("{n} frame of libraries", "{n} frames of libraries", part.library)}`}
          </button>
        ),
      )}
    </div>
  );
}

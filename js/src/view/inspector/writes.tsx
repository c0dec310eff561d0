// The Writes tab: what each task wrote, before reducers; those of the unfinished next step too.

import { isChat } from "../../lib/paging";
import { t } from "../../lib/words";
import type { TaskWrites } from "../../protocol";
import type { Source } from "../../source/types";
import { useAsk } from "../ui/ask";
import { Problem } from "../ui/problem";
import { UsageFact } from "./usage";
import { Message, Value } from "./value";

interface Props {
  source: Source;
  checkpoint: string;
  version: unknown;
}

export function Writes({ source, checkpoint, version }: Props) {
  const asked = useAsk(source, "writes_get", { checkpoint }, version);
  if (asked.error) return <Problem error={asked.error} retry={asked.retry} />;
  if (!asked.data) return <p class="lgviz-empty">…</p>;
  if (asked.data.length === 0)
    return <p class="lgviz-empty">{t("No writes are stored for this checkpoint.")}</p>;
  const made = asked.data.filter((task) => !task.pending);
  const pending = asked.data.filter((task) => task.pending);
  return (
    <div aria-busy={asked.pending}>
      {made.map((task, i) => (
        <Group key={task.task_id ?? i} task={task} />
      ))}
      {pending.length > 0 && (
        <>
          <h4 class="lgviz-heading">{t("Pending writes: of tasks of the next step that are done")}</h4>
          {pending.map((task, i) => (
            <Group key={task.task_id ?? i} task={task} />
          ))}
        </>
      )}
    </div>
  );
}

function Group({ task }: { task: TaskWrites }) {
  return (
    <section
      class="lgviz-card"
      aria-label={t("Writes of {node}", { node: task.node })}
      data-testid="lgviz-writes"
    >
      <header>
        <b>{task.node}</b>
        {task.pending && <span class="lgviz-badge is-done">{t("done")}</span>}
        {task.derived && (
          <span
            class="lgviz-badge"
            title={t("LangGraph stored no writes here: these are the difference to the parent")}
          >
            {t("derived")}
          </span>
        )}
        {task.usage != null && <UsageFact usage={task.usage} />}
        {task.task_id && <span class="lgviz-card-who lgviz-mono">{task.task_id.slice(0, 8)}</span>}
      </header>
      {task.writes.length === 0 && <p class="lgviz-empty">{t("wrote nothing")}</p>}
      {task.writes.map(({ channel, value }, i) => (
        <div class="lgviz-write" key={i} data-channel={channel}>
          <span class="lgviz-key">{channel}</span>
          <div>
            {value.message ? (
              <Message message={value.message} />
            ) : isChat(value) ? (
              value.items?.map(
                (item) => item.value.message && <Message key={item.key} message={item.value.message} />,
              )
            ) : (
              <Value node={value} />
            )}
          </div>
        </div>
      ))}
    </section>
  );
}

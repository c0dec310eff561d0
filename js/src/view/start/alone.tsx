// Where no thread is shown yet: the form that begins the first, or why this source cannot.
import { useEffect, useRef } from "preact/hooks";
import { t } from "../../lib/words";
import type { ViewState } from "../../state/view";
import { Memory, useMemory } from "../memory/memory";
import { EmptyIcon } from "../ui/icons";
import { Blank } from "../ui/states";
import { StartPanel, useStart } from "./start";

export function Beginning({ view }: { view: ViewState }) {
  const { store } = view;
  const start = useStart(store, true);
  const failure = store.failure.value;
  const empty = store.phase.value === "empty";
  const memory = useMemory(store, null, Boolean(start.asked.error));
  const box = useRef<HTMLElement>(null);
  useEffect(
    // Taken away with the focus in it, it leaves it to the debugger, not to the notebook's keys.
    () => () => {
      if (box.current?.contains(document.activeElement)) view.root?.focus({ preventScroll: true });
    },
    [view],
  );
  const again = (
    <button type="button" class="lgviz-link" onClick={() => void store.refresh()}>
      {t("Look for new checkpoints")}
    </button>
  );
  if (start.asked.error && memory.data?.store)
    return (
      <div class="lgviz-alone is-memory-alone" data-testid="lgviz-empty">
        <section class="lgviz-inspector" aria-label={t("Memory")}>
          <div class="lgviz-pane is-memory">
            <Memory store={store} selected={null} asked={memory} />
          </div>
        </section>
      </div>
    );
  if (start.asked.error)
    return (
      <Blank icon={<EmptyIcon />} title={failure?.message ?? t("No checkpoint yet")}>
        <p>
          {start.asked.error.message} {start.asked.error.remedy}
        </p>
        <button type="button" class="lgviz-btn" onClick={() => void store.refresh()}>
          {t("Look for new checkpoints")}
        </button>
      </Blank>
    );
  return (
    <div class="lgviz-alone" data-testid="lgviz-empty">
      <section ref={box} class="lgviz-inspector" aria-label={t("Start")}>
        {empty && (
          <div class="lgviz-alone-head">
            <h3>{t("No checkpoint yet")}</h3>
            <p>
              {t("Start a thread here, or run the graph in a cell: its checkpoints appear as they are made.")}{" "}
              {again}
            </p>
          </div>
        )}
        <StartPanel store={store} start={start} alone={empty} />
      </section>
    </div>
  );
}

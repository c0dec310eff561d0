// The step at work, as a row above the tree: no checkpoint yet, so it has no label.
import { useComputed } from "@preact/signals";
import { counted, seconds } from "../../lib/format";
import { t } from "../../lib/words";
import { innermost, type LiveRun, liveRuns, nameOf, spent } from "../../state/live";
import type { ViewState } from "../../state/view";
import { useNow } from "../ui/now";
import { LaneScale } from "./lanes";

/** A row for each run at work on this thread; they stay above the rows that scroll. */
export function LiveRows({ view }: { view: ViewState }) {
  const runs = useComputed(() => liveRuns(view.store)).value;
  if (runs.length === 0) return null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: no form.
    <div class="lgviz-live-rows" role="group" aria-label={t("At work")}>
      {runs.map((one, i) => (
        <LiveRow key={one.run.run} view={view} live={one} last={i === runs.length - 1} />
      ))}
    </div>
  );
}

function LiveRow({ view, live, last }: { view: ViewState; live: LiveRun; last: boolean }) {
  const now = useNow(true);
  const tasks = innermost(live.view.tasks);
  const names = counted(tasks.map(nameOf)).join(" ∥ ");
  const said = tasks.findLast((task) => task.text !== "")?.text.replace(/\s+/g, " ") ?? "";
  const took = Math.max(0, ...tasks.map((task) => spent(task, live.at, now)));
  const tree = view.store.tree.value;
  const scale = new LaneScale(view.lanes.value.max);
  const label = Math.max(34, tree.longestLabel * 7.4 + 8);
  return (
    <div
      class="lgviz-row lgviz-live-row"
      style={{ "--lgviz-gutter": `${scale.width}px`, "--lgviz-label": `${label}px` }}
      data-testid="lgviz-live-row"
      data-run={live.run.run}
    >
      <Ring view={view} live={live} scale={scale} last={last} />
      <span class="lgviz-label">…</span>
      <span class="lgviz-what">
        <span class="lgviz-node" title={names}>
          {names || "…"}
        </span>
        {said !== "" && (
          <span class="lgviz-live-said">
            <span>
              {said}
              <i class="lgviz-caret" aria-hidden="true" />
            </span>
          </span>
        )}
      </span>
      <span class="lgviz-pill">{t("at work {time}", { time: seconds(took) })}</span>
    </div>
  );
}

/** Where the next checkpoint will hang: at the last one of its run. */
function Ring({
  view,
  live,
  scale,
  last,
}: {
  view: ViewState;
  live: LiveRun;
  scale: LaneScale;
  last: boolean;
}) {
  const tree = view.store.tree.value;
  view.store.revision.value;
  const row = tree.rowOf(live.run.checkpoint);
  // Where something follows already, the next gets a lane that is not known yet.
  if (row < 0 || (tree.children[row] as number) > 0) return null;
  const lane = tree.lane[row] as number;
  const x = scale.x(lane);
  const joined = last && view.scroll.value === 0 && view.visible.value.rowAt(0) === row;
  return (
    <svg class="lgviz-lanes" width={scale.width} height="30" aria-hidden="true">
      {joined && (
        <g class="lgviz-edges">
          <path d={`M${x} 20V30`} class={`lgviz-l${lane % 6} is-live`} />
        </g>
      )}
      <circle cx={x} cy="15" r="4.6" class={`lgviz-dot is-live lgviz-l${lane % 6}`} />
    </svg>
  );
}

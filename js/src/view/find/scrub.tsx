// A slider along the branch of the selection: it selects, and does nothing else.
import { useEffect, useRef } from "preact/hooks";
import { thousands } from "../../lib/format";
import { t } from "../../lib/words";
import type { ViewState } from "../../state/view";
import { titleOf } from "../tree/row";
import { WatchButton } from "../tree/watch";
import { Step } from "./filter";

export function Scrub({ view }: { view: ViewState }) {
  const { store, find } = view;
  const { rows } = find.branch.value;
  const row = store.selectedRow.value;
  const tree = store.tree.value;
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  if (rows.length < 2) return null;
  const place = find.branch.value.placeOf(row);
  const last = rows.length - 1;
  const label = tree.labels[row] ?? "";
  return (
    <div class="lgviz-scrubber">
      <Step
        name={t("One checkpoint back on this branch")}
        disabled={place <= 0}
        by={-1}
        act={() => find.scrub(place - 1)}
      />
      <input
        type="range"
        data-testid="lgviz-scrub"
        aria-label={t("Along this branch")}
        aria-valuetext={row >= 0 ? `${label} ${titleOf(tree, row)[0]}` : undefined}
        title={t("Along the branch from its first checkpoint to its head; nothing is run")}
        min={0}
        max={last}
        value={place}
        onInput={(event) => {
          const to = Number(event.currentTarget.value);
          // A drag tells more places than are drawn.
          cancelAnimationFrame(frame.current);
          frame.current = requestAnimationFrame(() => find.scrub(to));
        }}
      />
      <Step
        name={t("One checkpoint on along this branch")}
        disabled={place >= last}
        by={1}
        act={() => find.scrub(place + 1)}
      />
      <span class="lgviz-mute lgviz-num">
        {t("{place} of {total}", { place: thousands(place + 1), total: thousands(rows.length) })}
      </span>
      <WatchButton view={view} />
    </div>
  );
}

// All branches of a thread side by side: a row for each step, a color for what a branch did then.

import { t, tn } from "../../lib/words";
import { labelOf, type Store } from "../../state/store";
import { useAsk } from "../ui/ask";
import { Problem } from "../ui/problem";
import { madeBy, Outcome } from "./step";
import { Go } from "./why";

/** Colors that can be told apart; what more groups did has the last one. */
const COLORS = 5;

export function Branches({ store }: { store: Store }) {
  const asked = useAsk(store.source, "branches_get", {}, store.revision.value);
  if (asked.error) return <Problem error={asked.error} retry={asked.retry} />;
  if (!asked.data) return <p class="lgviz-empty">…</p>;
  const { runs, parts_at, common, visits, more, more_runs } = asked.data;
  return (
    <div data-testid="lgviz-branches" aria-busy={asked.pending}>
      <div class="lgviz-card lgviz-heat">
        <table aria-label={t("All branches, step by step")}>
          <thead>
            <tr>
              <td />
              {runs.map(({ id }) => (
                <th key={id} scope="col">
                  {labelOf(store, id)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {common > 0 && (
              <tr>
                <th scope="row">{tn("{n} step before", "{n} steps before", common)}</th>
                <td colSpan={runs.length} class="lgviz-heat-common">
                  {t("the same in all")}
                </td>
              </tr>
            )}
            {visits.map(({ ids, groups }, i) => (
              <tr key={i}>
                <th scope="row">{madeBy(store, ids.find((id) => id !== null) ?? "")}</th>
                {ids.map((id, run) => (
                  <Cell key={run} store={store} id={id} group={groups[run] ?? 0} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="lgviz-more">
        {[
          t("A color is what a branch did then: branches of one color did the same."),
          more > 0 && tn("{n} more step", "{n} more steps", more),
          more_runs > 0 && tn("{n} older branch is left out", "{n} older branches are left out", more_runs),
        ]
          .filter(Boolean)
          .join(" ")}
      </p>
      <table class="lgviz-card lgviz-compare-ends" aria-label={t("What they came to")}>
        <tbody>
          {runs.map((end, run) => {
            const parts = parts_at[run] ?? null;
            return (
              <tr key={end.id}>
                <th scope="row">
                  <Go store={store} id={end.id} />
                </th>
                <Outcome end={end} />
                <td class="lgviz-faint">
                  {parts !== null && t("parts at {label}", { label: labelOf(store, parts) })}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ store, id, group }: { store: Store; id: string | null; group: number }) {
  if (id === null) return <td />;
  return (
    <td class={`is-group-${Math.min(group, COLORS)}`} data-group={group}>
      <button type="button" aria-current={store.selected.value === id} onClick={() => store.select(id)}>
        {labelOf(store, id)}
      </button>
    </td>
  );
}

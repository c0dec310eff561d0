// The tokens of a step or a task: how many, of which model, at which cost.
import { thousands } from "../../lib/format";
import { t, tn } from "../../lib/words";
import type { UsageView } from "../../protocol";

export function UsageFact({ usage }: { usage: UsageView }) {
  const parts = [tn("{n} token", "{n} tokens", usage.total), ...usage.models];
  if (usage.cost !== null) parts.push(t("cost {cost}", { cost: money(usage.cost) }));
  const title = t("{input} read, {output} written", {
    input: thousands(usage.input),
    output: thousands(usage.output),
  });
  return (
    <span title={title} data-testid="lgviz-usage">
      {parts.join(" · ")}
    </span>
  );
}

/** In the unit of the prices: at least two digits that are not zero. */
function money(cost: number): string {
  return cost >= 1 ? cost.toFixed(2) : String(Number(cost.toPrecision(2)));
}

// What a comparison tells of a checkpoint: what made it, and what a branch that ends there came to.

import type { EndView } from "../../protocol";
import type { Store } from "../../state/store";
import { StatusBadge } from "../top/picker";
import { titleOf } from "../tree/row";

/** What made a checkpoint, as its row in the tree says it. */
export function madeBy(store: Store, id: string): string {
  const tree = store.tree.value;
  const row = tree.rowOf(id);
  return row < 0 ? "" : titleOf(tree, row).filter(Boolean).join(" ");
}

/** What a branch came to. */
export function Outcome({ end }: { end: EndView }) {
  return (
    <td class="lgviz-outcome">
      <StatusBadge status={end.status} /> <span>{end.last}</span>
    </td>
  );
}

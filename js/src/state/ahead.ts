// What comes after the selection while one presents: the next checkpoint of its branch, else what may run.
import { counted } from "../lib/format";
import { t } from "../lib/words";
import type { CheckpointView } from "../protocol";
import { isResumable, serverReason } from "./acts";
import type { ViewState } from "./view";

export type Ahead =
  /** A checkpoint of the branch. */
  | { kind: "on"; label: string }
  /** One super-step may run these nodes. */
  | { kind: "run"; nodes: string }
  /** Nothing: why. */
  | { kind: "end"; reason: string };

/** `at`: what is known of the selection; undefined while it is asked for. */
export function aheadOf({ store, find }: ViewState, at: CheckpointView | undefined): Ahead {
  const branch = find.branch.value;
  const place = branch.placeOf(store.selectedRow.value);
  const next = branch.rows[place + 1];
  if (place >= 0 && next !== undefined) return { kind: "on", label: store.tree.value.labels[next] as string };
  if (at === undefined || at.id !== store.selected.value) return { kind: "end", reason: "" };
  if (at.next.length === 0) return { kind: "end", reason: t("This branch ends here") };
  if (at.interrupts.some((one) => !one.answered))
    return { kind: "end", reason: t("It waits for an answer: leave by Esc to give it") };
  const reason = store.readOnly.value ?? serverReason(store);
  if (reason !== null || !isResumable(store, at))
    return { kind: "end", reason: reason ?? t("This branch ends here") };
  return { kind: "run", nodes: counted(at.unfinished).join(", ") };
}

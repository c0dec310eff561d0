// The start being written, kept while one looks elsewhere; sending it, and why it cannot be sent.
import { type Signal, signal } from "@preact/signals";
import { counted } from "../lib/format";
import { BLANK, nextTurn, problemsOf, type StartDraft, toStart } from "../lib/start";
import { t } from "../lib/words";
import type { CheckpointView, RefusedPart, StartForm } from "../protocol";
import { ProtocolError } from "../source/error";
import { isHeld, startAndFollow } from "./acts";
import type { Store } from "./store";

export interface Written {
  draft: StartDraft;
  /** What is wrong with it, each at its field. */
  refused: readonly RefusedPart[];
  /** What went wrong besides. */
  failure: ProtocolError | null;
  busy: boolean;
}

const NOTHING: Written = { draft: BLANK, refused: [], failure: null, busy: false };

/** By store, what was written for a new thread and for the next turn of each. */
const kept = new WeakMap<Store, Map<string | null, Signal<Written>>>();

/** What was written for the next turn of a thread (null: for a new thread). */
export function writtenOf(store: Store, thread: string | null): Signal<Written> {
  const mine = kept.get(store) ?? new Map<string | null, Signal<Written>>();
  kept.set(store, mine);
  const known = mine.get(thread) ?? signal(NOTHING);
  mine.set(thread, known);
  return known;
}

/** Says what can be seen to be wrong; whether nothing is. */
export function isReady(written: Signal<Written>, form: StartForm): boolean {
  const refused = problemsOf(form, written.peek().draft);
  written.value = { ...written.peek(), refused, failure: null };
  return refused.length === 0;
}

/** Starts with what was written; `checkpoint` is the one whose next turn it is. */
export async function send(store: Store, form: StartForm, checkpoint: string | null): Promise<void> {
  const thread = checkpoint === null ? null : form.thread_id;
  const written = writtenOf(store, thread);
  if (written.peek().busy || !isReady(written, form)) return;
  const { draft } = written.peek();
  const request = toStart(form, draft, checkpoint);
  written.value = { ...written.peek(), busy: true };
  const begun = () => {
    written.value = NOTHING;
    writtenOf(store, request.thread_id).value = { ...NOTHING, draft: nextTurn(draft) };
    if (form.chat === null) store.closeFork();
    else store.openStart({ turn: true, thread: null });
  };
  try {
    await startAndFollow(store, request, begun);
  } catch (error) {
    const failure = ProtocolError.of(error);
    const { refused } = failure;
    written.value = { ...written.peek(), refused, failure: refused.length > 0 ? null : failure };
  } finally {
    written.value = { ...written.peek(), busy: false };
  }
}

/** Whether a turn may follow: nothing comes next at a checkpoint of the root graph. */
export function isFinished(view: CheckpointView): boolean {
  return view.namespace === "" && view.next.length === 0;
}

/** Why the next turn cannot begin at a checkpoint; null where it can. */
export function turnReason(store: Store, view: CheckpointView): string | null {
  const { label } = view;
  if (isHeld(store, view.id)) return t("{label} is in a sandbox: keep it first.", { label });
  if (view.namespace !== "") return t("{label} is inside a subgraph: a turn begins outside.", { label });
  if (view.interrupts.some(({ answered }) => !answered))
    return t("{label} waits for an answer: answer it first.", { label });
  if (view.next.length === 0) return null;
  const nodes = counted(view.next).join(", ");
  return t("{label} has not finished: {nodes} comes next. Resume it first.", { label, nodes });
}

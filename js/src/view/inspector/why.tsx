// The Why tab: what led to each task that made the checkpoint, and what waits there for what.

import type { ComponentChild } from "preact";
import { short } from "../../lib/layout";
import { t, tn, tx } from "../../lib/words";
import type { BegunView, CauseView, CheckpointView, TriggerView, WaitingView, WhyView } from "../../protocol";
import { knownLabel, type Store } from "../../state/store";
import { DrawnGraph } from "../graph/drawn";
import type { Way } from "../graph/topology";
import type { Asked } from "../ui/ask";
import { Problem } from "../ui/problem";

const START = "__start__";
/** Writers named in one line. */
const NAMED = 8;

interface Props {
  store: Store;
  view: CheckpointView | undefined;
  asked: Asked<WhyView>;
}

export function Why({ store, view, asked }: Props) {
  if (asked.error) return <Problem error={asked.error} retry={asked.retry} />;
  if (!asked.data) return <p class="lgviz-empty">…</p>;
  const { causes, waiting, more } = asked.data;
  return (
    <div class="lgviz-why" data-testid="lgviz-why" aria-busy={asked.pending}>
      <p class="lgviz-empty">{howMade(store, asked.data)}</p>
      {causes.length > 0 && (
        <ul class="lgviz-card" aria-label={t("Why they ran")}>
          {causes.map((cause, i) => (
            <Line key={`${cause.node} ${i}`} node={cause.node} via={cause.via}>
              <Reasons store={store} cause={cause} />
              <Remarks cause={cause} />
            </Line>
          ))}
        </ul>
      )}
      {waiting.length > 0 && (
        <>
          <h4 class="lgviz-heading">{t("Waits here")}</h4>
          <ul class="lgviz-card" aria-label={t("Waits here")}>
            {waiting.map((one, i) => (
              <Line key={`${one.node} ${i}`} node={one.node} via={one.kind} waits>
                <Missing store={store} waiting={one} />
              </Line>
            ))}
          </ul>
        </>
      )}
      {more > 0 && <p class="lgviz-more">{tn("{n} more task", "{n} more tasks", more)}</p>}
      {!store.graphShown.value && <DrawnGraph store={store} view={view} ways={waysOf(asked.data)} />}
    </div>
  );
}

interface LineProps {
  node: string;
  via: string;
  waits?: boolean;
  children: ComponentChild;
}

function Line({ node, via, waits = false, children }: LineProps) {
  return (
    <li
      class={waits ? "lgviz-why-line is-waiting" : "lgviz-why-line"}
      data-testid="lgviz-cause"
      data-via={via}
    >
      <b>{node || t("some node")}</b>
      <div>{children}</div>
    </li>
  );
}

/** How the checkpoint was made. */
function howMade(store: Store, why: WhyView): ComponentChild {
  const parent = why.parent === null ? t("one that is not stored") : <Go store={store} id={why.parent} />;
  switch (why.made) {
    case "input":
      return t("An input as it came: no task made it.");
    case "update":
      return why.as_node === null
        ? tx("An update of {parent} from outside: no task ran.", { parent })
        : tx("An update of {parent} from outside, as {node}: no task ran.", {
            parent,
            node: <code>{why.as_node}</code>,
          });
    case "fork":
      return tx("A copy of {parent}, made to run on from there: no task ran.", { parent });
    case "steps":
      return t("Made by several steps of which only the last is stored.");
    case "lost":
      return t("The checkpoint before is not stored: why these ran is not certain.");
    case "step":
      return why.causes.length > 0
        ? tx("Made by the step from {parent}.", { parent })
        : tx("Made by the step from {parent}; which tasks ran is not certain.", { parent });
  }
}

/** What led to a task, in a line for each way. */
function Reasons({ store, cause }: { store: Store; cause: CauseView }) {
  const ways = byWay(cause.triggers);
  if (ways.length === 0) return <p>{t("what triggered it is not stored")}</p>;
  return (
    <>
      {ways.map((triggers, i) => (
        <p key={i}>{reason(store, triggers, cause.sent)}</p>
      ))}
    </>
  );
}

/** Triggers that are told in one breath. */
function byWay(triggers: readonly TriggerView[]): TriggerView[][] {
  const ways = new Map<string, TriggerView[]>();
  for (const one of triggers) {
    const alone = one.router !== null || one.node === null || one.node === START;
    const key = `${one.via} ${alone ? `${one.node}` : ""}`;
    ways.set(key, [...(ways.get(key) ?? []), one]);
  }
  return [...ways.values()];
}

function reason(store: Store, triggers: readonly TriggerView[], sent: string | null): ComponentChild {
  const one = triggers[0] as TriggerView;
  const at = one.checkpoint === null ? null : <Go store={store} id={one.checkpoint} />;
  const nodes = <Writers store={store} triggers={triggers} />;
  const router = <code>{one.router}</code>;
  const named = one.router !== null && one.router !== "condition";
  const among = one.choices.length > 1 && (
    <span class="lgviz-faint">
      {" · "}
      {t("of {choices}", {
        choices: one.choices.map((name) => (name === "__end__" ? "END" : name)).join(", "),
      })}
    </span>
  );
  switch (one.via) {
    case "input":
      return tx("input {at}", { at });
    case "edge":
      return one.node === START ? tx("edge from START {at}", { at }) : tx("edge from {nodes}", { nodes });
    case "branch":
      return (
        <>
          {named
            ? tx("chosen by the router {router} of {nodes}", { router, nodes })
            : tx("chosen by a router of {nodes}", { nodes })}
          {among}
        </>
      );
    case "join":
      return tx("join of {nodes}: all have come", { nodes });
    case "send": {
      const what = <code class="lgviz-faint">{sent ?? ""}</code>;
      if (one.node === null)
        return tx("sent by the Command that the run was given {at}: {what}", { at, what });
      return named
        ? tx("sent by the router {router} of {nodes}: {what}", { router, nodes, what })
        : tx("sent by {nodes}: {what}", { nodes, what });
    }
    case "goto":
      return one.node === null
        ? tx("Command that the run was given {at}", { at })
        : tx("Command of {nodes}", { nodes });
    case "call":
      return tx("called by {nodes}", { nodes });
    default:
      return unknown(one, at, nodes, router, store.topology.value !== null);
  }
}

/** What is not certain says so. */
function unknown(
  one: TriggerView,
  at: ComponentChild,
  nodes: ComponentChild,
  router: ComponentChild,
  withGraph: boolean,
): ComponentChild {
  if (one.node === START) return tx("at the start of the run {at}", { at });
  if (one.node !== null && one.router !== null)
    return tx("router {router} of {nodes}, or a Command of it: its code allows both", { router, nodes });
  if (one.node !== null)
    return (
      <>
        {tx("after {nodes}", { nodes })}
        <span class="lgviz-faint">
          {" · "}
          {withGraph ? t("how it led here is not certain") : t("how it led here, only the graph tells")}
        </span>
      </>
    );
  if (at === null) return t("what triggered it is not stored");
  return tx("written {at}, by whom is not certain", { at });
}

/** What else there is to say of a task. */
function Remarks({ cause }: { cause: CauseView }) {
  const asked = cause.via === "resume";
  return (
    <>
      {cause.deferred && <p class="lgviz-faint">{t("deferred: runs when all others have ended")}</p>}
      {asked && (
        <p>
          {t("asked, and went on when it was answered")}
          {cause.begun !== null && `: ${ranTimes(cause.begun)}`}
        </p>
      )}
      {cause.failed_before && <p class="lgviz-faint">{t("failed before, and ran again")}</p>}
    </>
  );
}

/** `its first 8 lines ran 3 times`. */
function ranTimes({ times, at_least, lines }: BegunView): string {
  const often = tn("once", "{n} times", times);
  const counted = at_least ? t("at least {often}", { often }) : often;
  if (lines === null) return t("what it does before it asks ran {often}", { often: counted });
  return tn("its first line ran {often}", "its first {n} lines ran {often}", lines, { often: counted });
}

function Missing({ store, waiting }: { store: Store; waiting: WaitingView }) {
  const { kind, triggers, cause } = waiting;
  const missing = <Names names={waiting.missing} />;
  const came = triggers.length > 0 && <Writers store={store} triggers={triggers} />;
  const next = cause !== null && <Reasons store={store} cause={cause} />;
  switch (kind) {
    case "join":
      return (
        <>
          <p>{tx("waits for {missing}", { missing })}</p>
          {came && <p class="lgviz-mute">{tx("{nodes} came", { nodes: came })}</p>}
        </>
      );
    case "defer":
      return (
        <>
          <p>
            {waiting.missing.length > 0
              ? tx("deferred: waits until all others have ended, now {missing}", { missing })
              : t("deferred: runs when all others have ended")}
          </p>
          {came && <p class="lgviz-mute">{tx("{nodes} led to it", { nodes: came })}</p>}
        </>
      );
    case "answer":
      return (
        <>
          <p>{t("asked, and waits for an answer")}</p>
          {cause?.begun && <p>{t("so far {told}", { told: ranTimes(cause.begun) })}</p>}
          {next}
        </>
      );
    case "error":
      return (
        <>
          <p>{t("failed; runs again if the run goes on")}</p>
          {waiting.error !== null && <p class="lgviz-why-error">{waiting.error}</p>}
          {next}
        </>
      );
    case "next":
      return (
        <>
          <p>{t("comes next")}</p>
          {next}
        </>
      );
  }
}

function Names({ names }: { names: readonly string[] }) {
  return (
    <>
      {names.map((name, i) => (
        <>
          {i > 0 && ", "}
          <code key={name}>{name}</code>
        </>
      ))}
    </>
  );
}

/** `agent c4, tools c5`: each checkpoint can be gone to. */
function Writers({ store, triggers }: { store: Store; triggers: readonly TriggerView[] }) {
  const left = triggers.length - NAMED;
  return (
    <>
      {triggers.slice(0, NAMED).map((one, i) => (
        <>
          {i > 0 && ", "}
          <code key={one.node}>{one.node ?? t("some node")}</code>{" "}
          {one.checkpoint !== null && <Go store={store} id={one.checkpoint} />}
        </>
      ))}
      {left > 0 && ` ${tn("and {n} more", "and {n} more", left)}`}
    </>
  );
}

/** A label that leads to its checkpoint. */
export function Go({ store, id }: { store: Store; id: string }) {
  const label = knownLabel(store, id);
  if (label === undefined) return null;
  return (
    <button
      type="button"
      class="lgviz-link lgviz-mono"
      aria-label={t("Go to {label}", { label })}
      onClick={() => store.select(id)}
    >
      {label}
    </button>
  );
}

/** The ways that were taken, and those that something still waits for. */
export function waysOf(why: WhyView): Way[] {
  const taken = why.causes.flatMap(({ node, triggers }) =>
    triggers.map((one) => ({ source: one.node ?? "", target: node, taken: true })),
  );
  const awaited = why.waiting.flatMap(({ node, missing, kind }) =>
    kind === "join" ? missing.map((source) => ({ source, target: node, taken: false })) : [],
  );
  return [...taken, ...awaited];
}

/** What the tab says beside its name: the way to the one task and who led to it, or how many tasks there were.
 * Where there is little room, only the way. */
export function inShort(why: WhyView | undefined): ComponentChild {
  const [cause, ...others] = why?.causes ?? [];
  if (cause === undefined) return null;
  if (others.length > 0) return tn("{n} task", "{n} tasks", others.length + 1);
  const [one] = cause.triggers;
  if (cause.via === "resume") return t("answered");
  if (one === undefined) return null;
  const node = one.node === null ? null : one.node === START ? "START" : short(one.node);
  const [way, by] = {
    input: [t("input"), null],
    edge: [t("edge"), node && t("from {node}", { node })],
    branch: [t("router"), node && t("of {node}", { node })],
    join: [t("join"), null],
    send: [t("sent"), node && t("by {node}", { node })],
    goto: ["Command", node && t("of {node}", { node })],
    call: [t("called"), node && t("by {node}", { node })],
    unknown: ["", node && t("after {node}", { node })],
  }[one.via === "resume" ? "unknown" : one.via];
  return (
    <>
      {way}
      {by && <span> {by}</span>}
    </>
  );
}

// The sandbox that is open, and what becomes of it: kept or discarded.

import { useState } from "preact/hooks";
import { kindName } from "../../lib/format";
import { t, tn, tx } from "../../lib/words";
import type { MemoryChange, MemoryChanges, SandboxView } from "../../protocol";
import type { Store } from "../../state/store";
import type { ViewState } from "../../state/view";
import { BoxIcon } from "../ui/icons";

const KINDS: Record<MemoryChange["kind"], string> = { added: "+", removed: "−", changed: "~" };
const SHOWN = 6;

/** A line over everything else while a sandbox is open. */
export function SandboxBar({ view }: { view: ViewState }) {
  const { store } = view;
  const sandbox = store.sandbox.value;
  const [conflicts, setConflicts] = useState<MemoryChanges | null>(null);
  const [busy, setBusy] = useState(false);
  if (sandbox === null) return null;
  const reason =
    store.lost.value ??
    (busy ? t("It is being kept.") : store.running.value ? t("A run is at work: stop it first.") : null);
  const keep = async (overwrite: boolean) => {
    setBusy(true);
    const found = await store.keepSandbox(overwrite);
    setBusy(false);
    setConflicts(found);
    if (found === null) view.say(t("Kept"));
  };
  return (
    <section class="lgviz-box" data-testid="lgviz-sandbox-bar" aria-label={t("Sandbox")}>
      <div class="lgviz-box-line">
        <BoxIcon />
        <b>{t("Sandbox")}</b>
        <span class="lgviz-box-facts">
          <Facts store={store} sandbox={sandbox} />
        </span>
        <Button
          name={t("Discard")}
          testid="lgviz-discard"
          title={t("Forget it: nothing of it was stored")}
          reason={reason}
          act={() => {
            setConflicts(null);
            void store.discardSandbox();
          }}
        />
        <Button
          name={t("Keep")}
          primary
          testid="lgviz-keep"
          title={t("Store its checkpoints and memories")}
          reason={reason}
          act={() => void keep(false)}
        />
      </div>
      {sandbox.warnings.map((warning) => (
        <p class="lgviz-box-warning" key={warning}>
          {warning}
        </p>
      ))}
      {conflicts !== null && conflicts.total > 0 ? (
        <div class="lgviz-box-ask" role="alert" data-testid="lgviz-sandbox-conflict">
          <p>{t("Changed in the store since, and never read here. Keeping writes over:")}</p>
          <Changes changes={conflicts} />
          <Button
            name={t("Overwrite and keep")}
            primary
            testid="lgviz-keep-overwrite"
            reason={reason}
            act={() => void keep(true)}
          />
          <Button name={t("Not now")} reason={null} act={() => setConflicts(null)} />
        </div>
      ) : (
        sandbox.changes.total > 0 && <Changes changes={sandbox.changes} />
      )}
    </section>
  );
}

function Facts({ store, sandbox }: { store: Store; sandbox: SandboxView }) {
  const elsewhere = store.thread.value?.thread_id !== sandbox.thread_id;
  const { checkpoints, changes } = sandbox;
  const facts = [
    <span key="start">
      {tx("from {start}", {
        start: elsewhere ? (
          <button
            type="button"
            class="lgviz-box-link"
            onClick={() => void store.openThread(sandbox.thread_id)}
          >
            {t("{label} of thread {thread}", { label: sandbox.label, thread: sandbox.thread_id })}
          </button>
        ) : (
          <button type="button" class="lgviz-box-link" onClick={() => store.select(sandbox.start)}>
            {sandbox.label}
          </button>
        ),
      })}
    </span>,
    <span key="count">{tn("{n} checkpoint", "{n} checkpoints", checkpoints)}</span>,
    changes.total > 0 && <span key="changes">{tn("{n} memory", "{n} memories", changes.total)}</span>,
    sandbox.memory !== "" && (
      <span key="memory" title={sandbox.memory}>
        {sandbox.memory}
      </span>
    ),
  ].filter(Boolean);
  return (
    <>
      {facts.map((fact, i) => (
        <span key={i}>
          {i > 0 && " · "}
          {fact}
        </span>
      ))}
    </>
  );
}

/** Memories in one line each. */
function Changes({ changes }: { changes: MemoryChanges }) {
  const shown = changes.changes.slice(0, SHOWN);
  const more = changes.total - shown.length;
  return (
    <ul class="lgviz-box-changes" data-testid="lgviz-sandbox-memories">
      {shown.map((change) => (
        <li key={change.ref} class={`is-${change.kind}`} title={change.summary}>
          <i aria-hidden="true">{KINDS[change.kind]}</i>
          <span class="lgviz-sr">{kindName(change.kind)}</span>
          <span class="lgviz-box-where">{change.namespace.join(" / ")}</span> <b>{change.key}</b>{" "}
          <span class="lgviz-box-value">{wordsOf(change)}</span>
        </li>
      ))}
      {more > 0 && <li class="lgviz-box-where">{tn("and {n} more", "and {n} more", more)}</li>}
    </ul>
  );
}

/** What a value became: the fields that are others, else the whole of it. */
function wordsOf(change: MemoryChange): string {
  if (change.kind !== "changed") return change.summary;
  const fields = change.diff.channels.map(({ channel, changes: [first] }) => {
    const path = `${channel}${first?.path ?? ""}`;
    return `${path}: ${first?.before?.text ?? t("nothing")} → ${first?.after?.text ?? t("nothing")}`;
  });
  return fields.join(" · ") || change.summary;
}

interface ButtonProps {
  name: string;
  act(): void;
  primary?: boolean;
  testid?: string;
  title?: string;
  reason: string | null;
}

function Button({ name, act, primary = false, testid, title, reason }: ButtonProps) {
  return (
    <button
      type="button"
      class={`lgviz-btn${primary ? " is-primary" : ""}`}
      data-testid={testid}
      aria-disabled={reason !== null}
      title={reason ?? title}
      onClick={() => {
        if (reason === null) act();
      }}
    >
      {name}
    </button>
  );
}

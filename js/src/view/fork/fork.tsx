// The form of a fork, which has the inspector to itself: what changes, as which node, what that leads to, and the act.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import {
  asNodeOf,
  type Draft,
  type FieldDraft,
  newDraft,
  newField,
  obstacle,
  toRequest,
  withChannel,
  withPart,
} from "../../lib/draft";
import { counted, thousands } from "../../lib/format";
import { objectError } from "../../lib/json";
import { isActKey } from "../../lib/keyboard";
import { fits } from "../../lib/layout";
import { loader } from "../../lib/paging";
import { keyOf, type Part, type PartDraft, refusedOf } from "../../lib/parts";
import { t } from "../../lib/words";
import type { CheckpointView, ForkForm, Topology as Graph } from "../../protocol";
import { isCancelled, ProtocolError } from "../../source/error";
import type { CopyProgress } from "../../source/types";
import { followed, isHeld, runFork, sandboxReason, serverReason } from "../../state/acts";
import type { Store } from "../../state/store";
import { ownGraph } from "../graph/drawn";
import { Topology } from "../graph/topology";
import { Act } from "../ui/act";
import { useAsk } from "../ui/ask";
import { type CodeChoice, CopyCode } from "../ui/copy";
import { focusPencil } from "../ui/edit";
import { useId } from "../ui/id";
import { Problem } from "../ui/problem";
import { AddChannel } from "./add";
import { AsNode } from "./asnode";
import { ForkField, JsonArea } from "./field";
import { focusFirst, PartField } from "./part";
import { Preview, usePreview } from "./preview";

/** Forks begun and not made, by checkpoint: closing the form or looking elsewhere loses nothing. */
const drafts = new WeakMap<Store, Map<string, Draft>>();

function draftsOf(store: Store): Map<string, Draft> {
  const known = drafts.get(store) ?? new Map<string, Draft>();
  drafts.set(store, known);
  return known;
}

/** Room for the graph beside the values, in pixels. */
const SIDE = { width: 260, height: 190 };

interface Props {
  store: Store;
  checkpoint: string;
  view: CheckpointView | undefined;
  version: unknown;
}

/** The form that forks: values, the node they are written as, a preview, and the act. */
export function ForkPanel({ store, checkpoint, view, version }: Props) {
  const asked = useAsk(store.source, "fork_form", { checkpoint }, version);
  const form = asked.data?.checkpoint === checkpoint ? asked.data : undefined;
  const id = useId();
  return (
    <section class="lgviz-fork" data-testid="lgviz-fork" aria-labelledby={id}>
      {form && !asked.error ? (
        <Form
          key={form.checkpoint}
          id={id}
          store={store}
          form={form}
          view={view?.id === checkpoint ? view : undefined}
        />
      ) : (
        <>
          <Header id={id} store={store} label={view?.id === checkpoint ? view.label : "…"} />
          {asked.error ? <Problem error={asked.error} retry={asked.retry} /> : <p class="lgviz-empty">…</p>}
        </>
      )}
    </section>
  );
}

interface HeaderProps {
  id: string;
  store: Store;
  label: string;
  draft?: Draft;
  form?: ForkForm;
  add?: (channel: string | null) => void;
}

function Header({ id, store, label, form, draft, add }: HeaderProps) {
  return (
    <header>
      <div class="lgviz-head-line">
        <h3 id={id}>
          {`${t("Fork at")} `}
          <span class="lgviz-checkpoint">{label}</span>
        </h3>
        <div class="lgviz-acts">
          {form && draft && add && <AddChannel form={form} draft={draft} add={add} />}
          <button
            type="button"
            class="lgviz-act"
            aria-label={t("Close the fork form")}
            aria-keyshortcuts="Escape"
            title={t("Close it; what was typed is kept")}
            onClick={(event) => {
              const inspector = event.currentTarget.closest(".lgviz-inspector");
              const part = store.editing.peek();
              store.closeFork();
              if (part && focusPencil(inspector, part)) return;
              const opener = inspector?.querySelector<HTMLElement>('[data-testid="lgviz-fork-open"]');
              requestAnimationFrame(() => opener?.focus({ preventScroll: true }));
            }}
          >
            ✕ <kbd>esc</kbd>
          </button>
        </div>
      </div>
      <p class="lgviz-facts">{t("everything else stays as it is")}</p>
    </header>
  );
}

/** The graph, where its nodes can be chosen: inside a subgraph the outer graph says nothing. */
function drawable(topology: Graph | null, form: ForkForm): Graph | null {
  const names = new Set(form.as_node.map((option) => option.node));
  const known = topology?.nodes.some(
    (node) => node.kind !== "start" && node.kind !== "end" && names.has(node.id),
  );
  return known && topology && fits(topology, SIDE.width, SIDE.height) ? topology : null;
}

interface FormProps {
  id: string;
  store: Store;
  form: ForkForm;
  view: CheckpointView | undefined;
}

/** The draft of a checkpoint, kept outside of what is drawn; a part that was asked for is added to it. */
function useDraft(store: Store, form: ForkForm) {
  const kept = draftsOf(store);
  const asked = store.editing.value;
  const part: Part | null = asked?.checkpoint === form.checkpoint ? asked : null;
  const begin = () => kept.get(form.checkpoint) ?? newDraft(form, part);
  const [draft, setDraft] = useState(begin);
  const change = (update: (now: Draft) => Draft) => {
    const next = update(kept.get(form.checkpoint) ?? draft);
    kept.set(form.checkpoint, next);
    setDraft(next);
  };
  useEffect(() => {
    if (part) change((now) => withPart(now, part));
  }, [part]);
  return { draft, change, part };
}

function Form({ id, store, form, view }: FormProps) {
  const { draft, change, part: wanted } = useDraft(store, form);
  const acts = useActs(store, form, draft);
  const topology = drawable(ownGraph(store, view), form);
  const fields = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!wanted && draft.parts.length === 0) focusFirst(fields.current);
  }, []);
  const { previewed, wrong } = acts;
  const hidden = store.predicting.on.value && wrong === null && !previewed.error;
  const refused = [...(previewed.error?.refused ?? []), ...(acts.error?.refused ?? [])];
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the key of the form's act, from all of its fields.
    <div
      class="lgviz-fork-form"
      onKeyDown={(event) => {
        if (!isActKey(event)) return;
        event.preventDefault();
        acts.run();
      }}
    >
      <Header
        id={id}
        store={store}
        label={form.label}
        form={form}
        draft={draft}
        add={(channel) => change((now) => withChannel(form, now, channel))}
      />
      <div class="lgviz-fork-body">
        <div ref={fields} class="lgviz-fork-main" data-testid="lgviz-fork-values">
          {form.fields.length === 0 && (
            <p class="lgviz-empty">{t("This graph has no channel to write to.")}</p>
          )}
          {draft.parts.map((part, i) => (
            <PartField
              key={keyOf(part)}
              store={store}
              checkpoint={form.checkpoint}
              part={part}
              focused={wanted ? keyOf(wanted) === keyOf(part) : i === 0}
              refused={refusedOf(part, refused)}
              change={(update) => change((now) => ({ ...now, parts: replaced(now.parts, part, update) }))}
              remove={() =>
                change((now) => ({ ...now, parts: now.parts.filter((one) => keyOf(one) !== keyOf(part)) }))
              }
            />
          ))}
          {draft.shown.map((channel) => {
            const field = form.fields.find((one) => one.channel === channel);
            if (!field) return null;
            const mine = draft.fields[channel] ?? newField(field);
            const set = (next: FieldDraft) =>
              change((now) => ({ ...now, fields: { ...now.fields, [channel]: next } }));
            return (
              <ForkField
                key={channel}
                field={field}
                draft={mine}
                change={set}
                unsettable={serverReason(store)}
              />
            );
          })}
          <Rest draft={draft} change={change} />
        </div>
        <div class="lgviz-fork-side">
          <h4>{t("as if written by")}</h4>
          <AsNode form={form} draft={draft} change={change} />
          {topology && (
            <Topology
              topology={topology}
              ran={view?.nodes ?? []}
              next={previewed.view && wrong === null && !hidden ? previewed.view.next : []}
              height={SIDE.height}
              pick={{
                options: form.as_node,
                chosen: asNodeOf(form, draft),
                choose: (node) => change((now) => ({ ...now, asNode: node, goto: null })),
              }}
            />
          )}
        </div>
        <Footer store={store} form={form} draft={draft} change={change} acts={acts} />
        {hidden ? (
          <p class="lgviz-then lgviz-mute">{t("What it leads to is shown once it is made: predict it.")}</p>
        ) : (
          <Preview
            store={store}
            request={toRequest(form, draft)}
            previewed={previewed}
            obstacle={wrong}
            load={{ before: (channel) => loader(store.source, form.checkpoint, channel) }}
          />
        )}
      </div>
    </div>
  );
}

function replaced(parts: PartDraft[], part: Part, update: (now: PartDraft) => PartDraft): PartDraft[] {
  return parts.map((one) => (keyOf(one) === keyOf(part) ? update(one) : one));
}

interface DraftProps {
  form: ForkForm;
  draft: Draft;
  change(update: (now: Draft) => Draft): void;
}

function Rest({ draft, change }: Omit<DraftProps, "form">) {
  const id = useId();
  return (
    <>
      <div class="lgviz-part">
        <h4>
          <label for={`${id}-note`}>{t("note")}</label>
        </h4>
        <input
          id={`${id}-note`}
          class="lgviz-input"
          data-testid="lgviz-fork-note"
          placeholder={t("why this branch exists")}
          autocomplete="off"
          value={draft.note}
          onInput={(event) => {
            const note = event.currentTarget.value;
            change((now) => ({ ...now, note }));
          }}
        />
      </div>
      {draft.config && (
        <div class="lgviz-part" data-testid="lgviz-fork-configurable">
          <h4>
            <label class="lgviz-mono" for={`${id}-configurable`}>
              configurable
            </label>
            <span class="lgviz-mute"> · {t("of the run's config")}</span>
          </h4>
          <JsonArea
            id={`${id}-configurable`}
            value={draft.configurable}
            error={objectError(draft.configurable)}
            placeholder="{}"
            change={(text) => change((now) => ({ ...now, configurable: text }))}
          />
        </div>
      )}
    </>
  );
}

interface Acts {
  wrong: string | null;
  previewed: ReturnType<typeof usePreview>;
  busy: boolean;
  /** How far the copy of the thread is, where it is copied; `stop` deletes what was copied. */
  copied: CopyProgress | null;
  stop(): void;
  error: ProtocolError | null;
  /** Why it cannot be forked, or forked and run. */
  reason: string | null;
  runReason: string | null;
  dismiss(): void;
  commit(run: boolean, sandbox?: boolean): Promise<void>;
  run(): void;
}

/** What can be done with the draft, and why not. */
function useActs(store: Store, form: ForkForm, draft: Draft): Acts {
  const [busy, setBusy] = useState(false);
  const [copied, setCopied] = useState<CopyProgress | null>(null);
  const stopping = useRef<AbortController | null>(null);
  const [failed, setFailed] = useState<{ of: string; error: ProtocolError } | null>(null);
  const wrong = obstacle(form, draft);
  const request = toRequest(form, draft);
  const previewed = usePreview(store.source, wrong === null ? request : null);
  const key = JSON.stringify(request);
  // What was refused is said until something else is tried.
  const error = failed?.of === key ? failed.error : null;
  const refused = !previewed.pending && wrong === null ? (previewed.error?.message ?? null) : null;
  const reason = store.readOnly.value ?? wrong ?? refused ?? (busy ? t("The fork is being made.") : null);
  const ends =
    wrong === null && !previewed.pending && previewed.view !== null && previewed.view.next.length === 0;
  const runReason =
    reason ??
    (store.running.value ? t("A run is at work: stop it first.") : null) ??
    (ends ? t("Nothing would run: the fork ends the run.") : null);
  const commit = async (run: boolean, sandbox = false) => {
    await store.predicting.before({ checkpoint: form.checkpoint, fork: request, run: null });
    setBusy(true);
    setFailed(null);
    stopping.current = new AbortController();
    const { signal } = stopping.current;
    try {
      const asked = { ...request, sandbox };
      const made = await store.source.request("fork_commit", asked, { signal, onProgress: setCopied });
      draftsOf(store).delete(form.checkpoint);
      if (made.thread_id !== store.thread.peek()?.thread_id) await store.openThread(made.thread_id, made.id);
      else await store.refresh();
      store.closeFork();
      // Someone who went elsewhere meanwhile stays there.
      if (store.selected.peek() === form.checkpoint) store.select(made.id);
      if (run) void followed(store, runFork(store, made.id, request.configurable));
    } catch (failure) {
      if (!isCancelled(failure)) setFailed({ of: key, error: ProtocolError.of(failure) });
      setBusy(false);
      setCopied(null);
    }
  };
  return {
    wrong,
    previewed,
    busy,
    copied,
    stop: () => stopping.current?.abort(),
    error,
    reason,
    runReason,
    dismiss: () => setFailed(null),
    commit,
    run: () => {
      if (runReason === null) void commit(true);
    },
  };
}

/** Whether the branch is made in a thread of its own, and how that is called. */
function NewThread({ store, form, draft, change }: DraftProps & { store: Store }) {
  const name = useRef<HTMLInputElement>(null);
  const thread = store.thread.value?.thread_id ?? "";
  const apart = draft.thread !== null;
  const reason = serverReason(store);
  useEffect(() => {
    if (apart) name.current?.select();
  }, [apart]);
  return (
    <span class="lgviz-fork-thread">
      <label
        class="lgviz-check"
        title={
          reason ?? t("The path to {label} begins it; this thread stays as it is", { label: form.label })
        }
      >
        <input
          type="checkbox"
          data-testid="lgviz-fork-apart"
          checked={apart}
          disabled={reason !== null}
          onChange={(event) => {
            const made = event.currentTarget.checked ? `${thread}-${form.label}` : null;
            change((now) => ({ ...now, thread: made }));
          }}
        />
        {t("as a new thread")}
      </label>
      {draft.thread !== null && (
        <input
          ref={name}
          class="lgviz-input"
          data-testid="lgviz-fork-thread"
          aria-label={t("Name of the new thread")}
          autocomplete="off"
          spellcheck={false}
          value={draft.thread}
          onInput={(event) => {
            const named = event.currentTarget.value;
            change((now) => ({ ...now, thread: named }));
          }}
        />
      )}
    </span>
  );
}

/** Where the nodes lie below the values: which one is meant and what runs then, in sight of the act; it leads to them. */
function AsIf({ form, draft, previewed }: Omit<DraftProps, "change"> & Pick<Acts, "previewed">) {
  const node = asNodeOf(form, draft);
  const next = previewed.pending ? undefined : previewed.view?.next;
  return (
    <button
      type="button"
      class="lgviz-link lgviz-fork-as-if"
      data-testid="lgviz-fork-as-if"
      title={t("Show the nodes it can be written as")}
      onClick={(event) => {
        const nodes = event.currentTarget.closest(".lgviz-fork")?.querySelector(".lgviz-as-nodes");
        const one = (which: string) => nodes?.querySelector<HTMLElement>(`input:${which}`);
        (one("checked") ?? one("enabled"))?.focus();
      }}
    >
      {node === null
        ? t("as which node?")
        : next && next.length > 0
          ? t("as {node} → {next}", { node, next: counted(next).join(", ") })
          : `${t("as {node}", { node })} ${next ? t("→ ends") : ""}`}
    </button>
  );
}

interface FooterProps extends DraftProps {
  store: Store;
  acts: Acts;
}

function Footer({ store, form, draft, change, acts }: FooterProps) {
  const { wrong, busy, error, reason, runReason, commit } = acts;
  const fork = toRequest(form, draft);
  const inSandbox: CodeChoice = {
    name: t("in sandbox"),
    request: { act: "fork", checkpoint: form.checkpoint, fork: { ...fork, sandbox: true } },
  };
  return (
    <footer>
      {error && <Problem error={error} dismiss={acts.dismiss} />}
      <div class="lgviz-acts">
        <Act
          name={t("Fork & run")}
          shortcut="⌃↵"
          primary
          testid="lgviz-fork-run"
          reason={runReason}
          act={() => void commit(true)}
        />
        <Act name={t("Fork")} testid="lgviz-fork-commit" reason={reason} act={() => void commit(false)} />
        {!isHeld(store, form.checkpoint) && draft.thread === null && (
          <Act
            name={t("Run in sandbox")}
            testid="lgviz-sandbox"
            reason={sandboxReason(store) ?? runReason}
            hint={t("Forks and runs, and stores nothing until it is kept")}
            act={() => void commit(true, true)}
          />
        )}
        {!isHeld(store, form.checkpoint) && (
          <NewThread store={store} form={form} draft={draft} change={change} />
        )}
        {busy && <span class="lgviz-spinner" role="status" aria-label={t("forking")} />}
        {acts.copied && (
          <>
            <span class="lgviz-fork-copied" data-testid="lgviz-fork-copied">
              {t("{done} of {total} checkpoints copied", {
                done: thousands(acts.copied.done),
                total: thousands(acts.copied.total),
              })}
            </span>
            <Act
              name={t("Stop")}
              testid="lgviz-fork-stop"
              reason={null}
              hint={t("Deletes what was copied; this thread stays as it is")}
              act={acts.stop}
            />
          </>
        )}
        <span class="lgviz-spacer" />
        {!store.predicting.on.value && <AsIf form={form} draft={draft} previewed={acts.previewed} />}
        <CopyCode
          source={store.source}
          disabled={wrong}
          choices={() => [
            { name: t("fork"), request: { act: "fork", checkpoint: form.checkpoint, fork } },
            ...(draft.thread === null && serverReason(store) === null ? [inSandbox] : []),
          ]}
        />
      </div>
    </footer>
  );
}

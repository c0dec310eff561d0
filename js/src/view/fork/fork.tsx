// The panel in which a fork is written, previewed and made.
import { useEffect, useRef, useState } from "preact/hooks";
import { type Draft, newDraft, obstacle, toRequest } from "../../lib/draft";
import { objectError } from "../../lib/json";
import { fits } from "../../lib/layout";
import type { CheckpointView, ForkForm, Topology as Graph } from "../../protocol";
import { ProtocolError } from "../../source/error";
import { isHeld, plainRun, runAndFollow, sandboxReason } from "../../state/acts";
import type { Store } from "../../state/store";
import { Topology } from "../graph/topology";
import { Act } from "../ui/act";
import { useAsk } from "../ui/ask";
import { CopyCode } from "../ui/copy";
import { useId } from "../ui/id";
import { Problem } from "../ui/problem";
import { AsNode } from "./asnode";
import { ForkField, JsonArea } from "./field";
import { Preview, usePreview } from "./preview";

/** Forks begun and not made, by checkpoint: closing the panel or looking elsewhere loses nothing. */
const drafts = new WeakMap<Store, Map<string, Draft>>();

function draftsOf(store: Store): Map<string, Draft> {
  const known = drafts.get(store) ?? new Map<string, Draft>();
  drafts.set(store, known);
  return known;
}

/** Room for the graph beside the values, in pixels. */
const SIDE = { width: 236, height: 150 };

interface Props {
  store: Store;
  checkpoint: string;
  view: CheckpointView | undefined;
  version: unknown;
}

/** The panel that forks: values, the node they are written as, a preview, and the act. */
export function ForkPanel({ store, checkpoint, view, version }: Props) {
  const asked = useAsk(store.source, "fork_form", { checkpoint }, version);
  const form = asked.data;
  const close = () => {
    store.closeFork();
    // The button that opened it has the focus again, once it is drawn.
    const root = panel.current?.closest(".lgviz-inspector");
    root?.querySelector<HTMLElement>('[data-testid="lgviz-fork-open"]')?.focus({ preventScroll: true });
  };
  const topology = drawable(store.topology.value, form);
  // A graph of a few nodes is drawn beside the values, a larger one above them.
  const beside = topology === null || fits(topology, SIDE.width, SIDE.height);
  const panel = useRef<HTMLElement>(null);
  const id = useId();
  return (
    <section ref={panel} class="lgviz-fork" data-testid="lgviz-fork" aria-labelledby={id}>
      <header>
        <h4 id={id}>Fork at {form && form.checkpoint === checkpoint ? form.label : (view?.label ?? "…")}</h4>
        {!beside && <span class="lgviz-mute">as if written by</span>}
        <button type="button" class="lgviz-link" aria-label="Close the fork panel" onClick={close}>
          ✕
        </button>
      </header>
      {asked.error ? (
        <Problem error={asked.error} retry={asked.retry} />
      ) : form && form.checkpoint === checkpoint ? (
        <Form
          key={form.checkpoint}
          store={store}
          form={form}
          view={view?.id === checkpoint ? view : undefined}
          topology={topology}
          beside={beside}
        />
      ) : (
        <p class="lgviz-empty">…</p>
      )}
    </section>
  );
}

/** The graph, where its nodes can be chosen: inside a subgraph the outer graph says nothing. */
function drawable(topology: Graph | null, form: ForkForm | undefined): Graph | null {
  const names = new Set(form?.as_node.map((option) => option.node));
  const known = topology?.nodes.some(
    (node) => node.kind !== "start" && node.kind !== "end" && names.has(node.id),
  );
  return form === undefined || known ? topology : null;
}

interface FormProps {
  store: Store;
  form: ForkForm;
  view: CheckpointView | undefined;
  topology: Graph | null;
  beside: boolean;
}

function Form({ store, form, view, topology, beside }: FormProps) {
  const kept = draftsOf(store);
  const [draft, setDraft] = useState(() => kept.get(form.checkpoint) ?? newDraft(form));
  const change = (next: Draft) => {
    kept.set(form.checkpoint, next);
    setDraft(next);
  };
  const wrong = obstacle(form, draft);
  const request = toRequest(form, draft);
  const previewed = usePreview(store.source, wrong === null ? request : null);
  const fields = useRef<HTMLDivElement>(null);
  useEffect(() => fields.current?.querySelector("textarea")?.focus({ preventScroll: true }), []);
  const graph = (
    <>
      {beside && <h4>as if written by</h4>}
      {topology && (
        <Topology
          topology={topology}
          ran={view?.nodes ?? []}
          next={previewed.view && wrong === null ? previewed.view.next : []}
          height={beside ? SIDE.height : 150}
          pick={{
            options: form.as_node,
            chosen: draft.asNode,
            choose: (node) => change({ ...draft, asNode: node, goto: null }),
          }}
        />
      )}
    </>
  );
  return (
    <>
      <div class={`lgviz-fork-body${beside ? " is-beside" : ""}`}>
        {!beside && graph && <div class="lgviz-fork-graph">{graph}</div>}
        <div ref={fields} data-testid="lgviz-fork-values">
          {form.fields.length === 0 && <p class="lgviz-empty">This graph has no channel to write to.</p>}
          {form.fields.map((field) => {
            const mine = draft.fields[field.channel] ?? newDraft(form).fields[field.channel];
            return (
              mine && (
                <ForkField
                  key={field.channel}
                  field={field}
                  draft={mine}
                  change={(next) => change({ ...draft, fields: { ...draft.fields, [field.channel]: next } })}
                />
              )
            );
          })}
          <Rest form={form} draft={draft} change={change} />
        </div>
        <div class="lgviz-fork-side">
          {beside && graph}
          <AsNode form={form} draft={draft} change={change} />
        </div>
      </div>
      <Preview previewed={previewed} obstacle={wrong} />
      <Acts store={store} form={form} draft={draft} wrong={wrong} ends={endsAfter(previewed, wrong)} />
    </>
  );
}

/** Whether a preview that is up to date says that nothing would run. */
function endsAfter(previewed: ReturnType<typeof usePreview>, wrong: string | null): boolean {
  return wrong === null && !previewed.pending && previewed.view !== null && previewed.view.next.length === 0;
}

interface DraftProps {
  form: ForkForm;
  draft: Draft;
  change(draft: Draft): void;
}

function Rest({ form, draft, change }: DraftProps) {
  const id = useId();
  return (
    <>
      <div class="lgviz-field">
        <label for={`${id}-note`}>
          <span class="lgviz-mono">note</span>
        </label>
        <input
          id={`${id}-note`}
          class="lgviz-input"
          data-testid="lgviz-fork-note"
          placeholder="why this branch exists"
          autocomplete="off"
          value={draft.note}
          onInput={(event) => change({ ...draft, note: event.currentTarget.value })}
        />
      </div>
      <details class="lgviz-details" open={objectError(draft.configurable) !== null || undefined}>
        <summary>More{draft.configurable !== form.configurable && " · configurable changed"}</summary>
        <div class="lgviz-field" data-testid="lgviz-fork-configurable">
          <label for={`${id}-configurable`}>
            <span class="lgviz-mono">configurable</span>
            <small>of the run's config</small>
          </label>
          <div>
            <JsonArea
              id={`${id}-configurable`}
              value={draft.configurable}
              error={objectError(draft.configurable)}
              placeholder="{}"
              change={(text) => change({ ...draft, configurable: text })}
            />
          </div>
        </div>
      </details>
    </>
  );
}

interface ActsProps {
  store: Store;
  form: ForkForm;
  draft: Draft;
  wrong: string | null;
  ends: boolean;
}

function Acts({ store, form, draft, wrong, ends }: ActsProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ProtocolError | null>(null);
  const reason = store.readOnly.value ?? wrong ?? (busy ? "The fork is being made." : null);
  const runReason =
    reason ??
    (store.running.value ? "A run is at work: stop it first." : null) ??
    (ends ? "Nothing would run: the fork ends the run." : null);
  const held = isHeld(store, form.checkpoint);
  const commit = async (run: boolean, sandbox = false) => {
    setBusy(true);
    setError(null);
    const request = { ...toRequest(form, draft), sandbox };
    try {
      const made = await store.source.request("fork_commit", request);
      draftsOf(store).delete(form.checkpoint);
      await store.refresh();
      store.closeFork();
      // Someone who went elsewhere meanwhile stays there.
      if (store.selected.peek() === form.checkpoint) store.select(made.id);
      if (run) void runAndFollow(store, plainRun(made.id, { configurable: request.configurable }));
    } catch (failure) {
      setError(ProtocolError.of(failure));
      setBusy(false);
    }
  };
  return (
    <footer>
      {error && <Problem error={error} dismiss={() => setError(null)} />}
      <div class="lgviz-acts">
        <Act
          name="Fork & run"
          primary
          testid="lgviz-fork-run"
          reason={runReason}
          act={() => void commit(true)}
        />
        <Act name="Fork" testid="lgviz-fork-commit" reason={reason} act={() => void commit(false)} />
        {!held && (
          <Act
            name="Run in sandbox"
            testid="lgviz-sandbox"
            reason={sandboxReason(store) ?? runReason}
            hint="Forks and runs, and stores nothing until it is kept"
            act={() => void commit(true, true)}
          />
        )}
        {busy && <span class="lgviz-spinner" role="status" aria-label="forking" />}
        <span class="lgviz-spacer" />
        <CopyCode
          source={store.source}
          disabled={wrong}
          choices={() => [
            {
              name: "fork",
              request: { act: "fork", checkpoint: form.checkpoint, fork: toRequest(form, draft) },
            },
            {
              name: "in sandbox",
              request: {
                act: "fork",
                checkpoint: form.checkpoint,
                fork: { ...toRequest(form, draft), sandbox: true },
              },
            },
          ]}
        />
      </div>
    </footer>
  );
}

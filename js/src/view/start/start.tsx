// The form that begins a new thread or a thread's next turn; a chat keeps one box for all of its turns.
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { problemsIn } from "../../lib/fields";
import { isActKey } from "../../lib/keyboard";
import {
  asJson,
  contextOf,
  errorsOf,
  inputOf,
  type StartDraft,
  threadOf,
  toStart,
  withGraph,
} from "../../lib/start";
import { t } from "../../lib/words";
import type { CheckpointView, FieldError, FieldView, StartForm } from "../../protocol";
import { isReady, send, turnReason, type Written, writtenOf } from "../../state/start";
import type { Store } from "../../state/store";
import { JsonArea } from "../fork/field";
import { focusFirst } from "../fork/part";
import { Act } from "../ui/act";
import { Area } from "../ui/area";
import { type Asked, useAsk } from "../ui/ask";
import { type CodeChoice, CopyCode } from "../ui/copy";
import { Form } from "../ui/form";
import { useId } from "../ui/id";
import { Problem } from "../ui/problem";

export interface Start {
  asked: Asked<StartForm>;
  /** What was answered for this thread; undefined before that. */
  form: StartForm | undefined;
  /** The thread whose next turn it is; null: a new one begins. */
  turn: string | null;
  /** It takes no more room than its box: what was said stays above it. */
  docked: boolean;
}

/** What the form that starts is made of; `on` while it is shown. */
export function useStart(store: Store, on: boolean): Start {
  const { turn, thread } = store.starting.value;
  const open = store.thread.value?.thread_id ?? null;
  const whose = turn ? open : null;
  const { graph } = writtenOf(store, whose).value.draft;
  const params = { thread_id: whose ?? thread, turn: whose !== null, ...(graph !== null && { graph }) };
  // A run may have taken the id that was proposed.
  const asked = useAsk(store.source, "start_form", on ? params : null, store.runs.value.size);
  // The form of another thread names that thread.
  const answered = useRef<{ turn: string | null; form: StartForm } | null>(null);
  if (!asked.pending && asked.data) answered.current = { turn: whose, form: asked.data };
  const form = answered.current?.turn === whose ? answered.current.form : undefined;
  return { asked, form, turn: whose, docked: on && whose !== null && form?.chat !== null };
}

interface Props {
  store: Store;
  start: Start;
  /** The checkpoint that is looked at. */
  view?: CheckpointView | undefined;
  stale?: boolean;
  /** It stands by itself, and cannot be closed. */
  alone?: boolean;
}

export function StartPanel(props: Props) {
  const { start } = props;
  const { asked, form, docked } = start;
  const id = useId();
  return (
    <section
      class={`lgviz-start${docked ? " is-docked" : ""}`}
      data-testid="lgviz-start-form"
      aria-labelledby={docked ? undefined : id}
      aria-label={docked ? t("Next turn") : undefined}
    >
      {form && !asked.error ? (
        <Filled {...props} key={start.turn} id={id} form={form} />
      ) : asked.error ? (
        <Problem error={asked.error} retry={asked.retry} />
      ) : (
        <p class="lgviz-empty" id={id}>
          …
        </p>
      )}
    </section>
  );
}

interface FilledProps extends Props {
  id: string;
  form: StartForm;
}

interface PartProps {
  form: StartForm;
  written: Signal<Written>;
  change(update: (now: StartDraft) => StartDraft): void;
}

function Filled({ store, start, view, stale = false, alone = false, id, form }: FilledProps) {
  const { turn, docked } = start;
  const written = writtenOf(store, turn);
  const { draft, failure, busy } = written.value;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Where nobody asked for it, it takes the focus from nothing.
    if (store.panel.peek() === "start") focusFirst(box.current);
  }, [store.panel.value]);
  useEffect(() => {
    if (docked) showLast(box.current);
  }, [view?.id, docked]);
  const change = (update: (now: StartDraft) => StartDraft) => {
    const now = written.peek();
    written.value = { ...now, draft: update(now.draft), refused: [], failure: null };
  };
  const asked = store.starting.value.thread;
  useEffect(() => {
    // A thread that was asked for by its name is called so, whatever was typed before.
    if (asked !== null) change((now) => ({ ...now, thread: null }));
  }, [asked]);
  const checkpoint = turn === null ? null : (view?.id ?? null);
  const unsaid = form.chat !== null && draft.json === null && draft.message.trim() === "";
  const reason =
    store.readOnly.value ??
    (store.running.value ? t("A run is at work: stop it first.") : null) ??
    (turn !== null && view ? turnReason(store, view) : null);
  const act = () => {
    if (reason === null && !waits) void send(store, form, checkpoint);
  };
  const other = draft.graph !== null && draft.graph !== form.graph; // whose form is on its way
  const waits = busy || other || (turn !== null && (stale || !view));
  const copied = (): CodeChoice[] => {
    if (!isReady(written, form)) return [];
    const request = toStart(form, draft, checkpoint);
    return [{ name: t("start"), request: { act: "start", checkpoint: "", start: request } }];
  };
  const parts = { form, written, change };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the key of the form's act, from all of its fields.
    <div
      class="lgviz-start-form"
      onKeyDown={(event) => {
        if (!isActKey(event)) return;
        event.preventDefault();
        act();
      }}
    >
      {!docked && <Header {...parts} id={id} store={store} view={view} turn={turn} alone={alone} />}
      <div class="lgviz-start-body">
        {docked && <Options {...parts} />}
        <div ref={box} class="lgviz-start-input">
          <Input {...parts} />
        </div>
        {!docked && <Options {...parts} />}
      </div>
      <footer>
        {failure && <Problem error={failure} dismiss={() => change((now) => now)} />}
        <div class="lgviz-acts">
          <Act
            name={docked ? t("Send") : t("Start")}
            shortcut="⌃↵"
            primary
            testid="lgviz-start-run"
            stale={waits}
            reason={reason ?? (unsaid ? t("Write a message.") : null)}
            act={act}
          />
          {busy && <span class="lgviz-spinner" role="status" aria-label={t("starting")} />}
          <span class="lgviz-start-said">{docked && (reason ?? (view ? follows(store, view) : ""))}</span>
          <CopyCode source={store.source} choices={copied} disabled={unsaid ? t("Write a message.") : null} />
          {docked && <Close store={store} />}
        </div>
        {!docked && reason !== null && <p class="lgviz-start-said">{reason}</p>}
      </footer>
    </div>
  );
}

/** Scrolls what was said to its end, as a chat stands. */
function showLast(box: HTMLElement | null): void {
  const pane = box?.closest(".lgviz-inspector")?.querySelector<HTMLElement>(".lgviz-pane");
  const last = [...(pane?.querySelectorAll(".lgviz-message-item") ?? [])].at(-1);
  if (!pane || !last) return;
  const below = last.getBoundingClientRect().bottom - pane.getBoundingClientRect().bottom;
  if (below > 0) pane.scrollTop += below + 12;
}

/** Where the turn begins. */
function follows(store: Store, view: CheckpointView): string {
  const tree = store.tree.value;
  store.revision.value;
  const { label } = view;
  return (tree.children[tree.rowOf(view.id)] ?? 0) > 0
    ? t("after {label}, on a new branch", { label })
    : t("after {label}", { label });
}

interface HeaderProps extends PartProps {
  id: string;
  store: Store;
  view: CheckpointView | undefined;
  turn: string | null;
  alone: boolean;
}

function Header({ id, store, view, turn, alone, form, written, change }: HeaderProps) {
  const wrong = errorsOf(written.value.refused, "thread");
  return (
    <header>
      <div class="lgviz-head-line">
        <h3 id={id}>{turn === null ? t("New thread") : t("Next turn")}</h3>
        {turn === null ? (
          <input
            class="lgviz-input"
            data-testid="lgviz-start-thread"
            aria-label={t("Name of the new thread")}
            aria-invalid={wrong.length > 0}
            aria-describedby={wrong.length > 0 ? `${id}-thread` : undefined}
            autocomplete="off"
            spellcheck={false}
            value={threadOf(form, written.value.draft)}
            onInput={(event) => {
              const thread = event.currentTarget.value;
              change((now) => ({ ...now, thread }));
            }}
          />
        ) : (
          <span class="lgviz-mute">{view && follows(store, view)}</span>
        )}
        {form.graphs && (
          <select
            class="lgviz-input"
            data-testid="lgviz-start-graph"
            aria-label={t("Graph on the server")}
            value={written.value.draft.graph ?? form.graph}
            onChange={(event) => {
              const graph = event.currentTarget.value;
              change((now) => withGraph(now, graph));
            }}
          >
            {form.graphs.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        )}
        <span class="lgviz-spacer" />
        {!alone && <Close store={store} />}
      </div>
      <Wrong id={`${id}-thread`} errors={wrong} />
    </header>
  );
}

function Close({ store }: { store: Store }) {
  return (
    <button
      type="button"
      class="lgviz-act"
      aria-label={t("Close the form that starts")}
      aria-keyshortcuts="Escape"
      title={t("Close it; what was typed is kept")}
      onClick={(event) => {
        const root = event.currentTarget.closest<HTMLElement>(".lgviz");
        store.closeFork();
        focusOpener(root);
      }}
    >
      ✕ <kbd>esc</kbd>
    </button>
  );
}

/** Gives the focus back to what opened the form. */
export function focusOpener(root: HTMLElement | null): void {
  requestAnimationFrame(() => {
    const opener =
      root?.querySelector<HTMLElement>('[data-testid="lgviz-next-turn"]') ??
      root?.querySelector<HTMLElement>('[data-testid="lgviz-start"]');
    opener?.focus({ preventScroll: true });
  });
}

function Input({ form, written, change }: PartProps) {
  const { draft, refused } = written.value;
  const id = useId();
  const wrong = errorsOf(refused, "input");
  const said = errorsOf(refused, "message");
  const field = inputOf(form, draft);
  const toggle = (
    <button
      type="button"
      class="lgviz-link"
      aria-pressed={draft.json !== null}
      onClick={() => change((now) => ({ ...now, json: now.json === null ? asJson(form, now) : null }))}
    >
      {draft.json === null ? "JSON" : t("form")}
    </button>
  );
  const names = field?.fields.map(({ name }) => name) ?? [];
  const fields = field && (
    <Fields
      field={field}
      label={t("Input")}
      errors={wrong}
      change={(update) => change((now) => ({ ...now, input: update(inputOf(form, now) ?? field) }))}
    />
  );
  if (draft.json !== null)
    return (
      <div class="lgviz-start-part">
        <h4>
          <label for={id}>{t("Input as JSON")}</label>
          {toggle}
        </h4>
        <JsonArea
          id={id}
          value={draft.json}
          error={wrong.map(told).join(" ") || null}
          placeholder={t("the whole input as JSON")}
          change={(json) => change((now) => ({ ...now, json }))}
        />
      </div>
    );
  return (
    <>
      {form.chat !== null && (
        <div class="lgviz-start-part">
          <h4>
            <label for={id}>{t("Message")}</label>
            {toggle}
          </h4>
          <Area
            id={id}
            data-testid="lgviz-start-message"
            aria-invalid={said.length > 0}
            aria-describedby={said.length > 0 ? `${id}-error` : undefined}
            placeholder={t("what you say to the graph")}
            value={draft.message}
            change={(message) => change((now) => ({ ...now, message }))}
          />
          <Wrong id={`${id}-error`} errors={said} />
        </div>
      )}
      {fields && form.chat === null && (
        <div class="lgviz-start-part">
          <h4>
            <span>{t("Input")}</span>
            {toggle}
          </h4>
          {fields}
        </div>
      )}
      {fields && form.chat !== null && (
        <Folded
          name={t("Besides the message")}
          about={names.join(", ")}
          open={wrong.length > 0 || (field !== null && problemsIn(field).length > 0)}
        >
          {fields}
        </Folded>
      )}
    </>
  );
}

/** The run's context and config, folded until they are wanted or needed. */
function Options({ form, written, change }: PartProps) {
  const { draft, refused } = written.value;
  const id = useId();
  const context = contextOf(form, draft);
  const configurable = draft.configurable ?? form.configurable;
  const wrong = errorsOf(refused, "context");
  const [config] = errorsOf(refused, "configurable");
  return (
    <Folded
      name={t("Options")}
      about={context === null ? "configurable" : "context, configurable"}
      open={[...wrong, config, ...(context ? problemsIn(context) : [])].some((one) => one !== undefined)}
    >
      {context && (
        <div class="lgviz-start-part" data-testid="lgviz-start-context">
          <h4>
            <span class="lgviz-mono">context</span>
            <span class="lgviz-mute">{t("of the run")}</span>
          </h4>
          <Fields
            field={context}
            label="context"
            errors={wrong}
            change={(update) =>
              change((now) => ({ ...now, context: update(contextOf(form, now) ?? context) }))
            }
          />
        </div>
      )}
      <div class="lgviz-start-part" data-testid="lgviz-start-configurable">
        <h4>
          <label class="lgviz-mono" for={`${id}-configurable`}>
            configurable
          </label>
          <span class="lgviz-mute">{t("of the run's config")}</span>
        </h4>
        <JsonArea
          id={`${id}-configurable`}
          value={configurable}
          error={config?.message ?? null}
          placeholder="{}"
          change={(text) => change((now) => ({ ...now, configurable: text }))}
        />
      </div>
    </Folded>
  );
}

interface FoldedProps {
  name: string;
  about: string;
  /** Something in it is needed, or is wrong. */
  open: boolean;
  children: ComponentChildren;
}

/** What is rarely given; once open it stays so, whatever is typed. */
function Folded({ name, about, open, children }: FoldedProps) {
  const opened = useRef(false);
  opened.current ||= open;
  return (
    <details class="lgviz-start-folded" open={opened.current}>
      <summary>
        {name}
        <span class="lgviz-faint lgviz-mono">{about}</span>
      </summary>
      {children}
    </details>
  );
}

interface FieldsProps {
  field: FieldView;
  label: string;
  errors: readonly FieldError[];
  change(update: (now: FieldView) => FieldView): void;
}

/** A form, and what is said of it as a whole. */
function Fields({ field, label, errors, change }: FieldsProps) {
  const parts = field.kind === "object" || field.kind === "list" || field.kind === "oneof";
  const whole = parts ? errors.filter(({ path }) => path.length === 0) : [];
  return (
    <>
      <Form field={field} label={label} errors={errors} change={change} />
      <Wrong errors={whole} />
    </>
  );
}

function Wrong({ errors, id }: { errors: readonly FieldError[]; id?: string }) {
  if (errors.length === 0) return null;
  return (
    <div class="lgviz-field-error" id={id} data-testid="lgviz-error" role="alert">
      {errors.map(({ message }) => message).join(" ")}
    </div>
  );
}

/** `tags[0]: This must be text.` */
function told({ path, message }: FieldError): string {
  return path.length > 0 ? `${path.join(".")}: ${message}` : message;
}

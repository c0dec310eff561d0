// The questions that the step after this checkpoint asked, answered in place.
import { useRef, useState } from "preact/hooks";
import {
  errorsIn,
  isGiven,
  newDraft,
  optionText,
  partsOf,
  type QuestionDraft,
  toAnswer,
  undecided,
} from "../../lib/answers";
import { readAs } from "../../lib/json";
import { language, t } from "../../lib/words";
import type {
  AnswerDraft,
  AnswerError,
  AnswerForm,
  AnswersMade,
  CheckpointView,
  FieldView,
  InterruptView,
} from "../../protocol";
import { ProtocolError } from "../../source/error";
import { isHeld, plainRun, runAndFollow, sandboxReason } from "../../state/acts";
import type { Store } from "../../state/store";
import { Act } from "../ui/act";
import { Area } from "../ui/area";
import { useAsk } from "../ui/ask";
import { Form } from "../ui/form";
import { Problem } from "../ui/problem";
import { ActionCard } from "./decisions";
import { Value } from "./value";

interface Props {
  store: Store;
  view: CheckpointView;
  stale: boolean;
}

export function Interrupts({ store, view, stale }: Props) {
  const [drafts, setDrafts] = useState<Record<string, QuestionDraft>>({});
  const [anew, setAnew] = useState(false);
  const [errors, setErrors] = useState<AnswerError[]>([]);
  const [failure, setFailure] = useState<ProtocolError | null>(null);
  const [sending, setSending] = useState(false);
  const box = useRef<HTMLElement>(null);
  const { interrupts } = view;
  const answered = interrupts.every((interrupt) => interrupt.answered);
  const failed = answered && view.error !== null;
  const open = !answered || anew || failed;
  const filled = interrupts.some(({ question }) => question.kind !== "text");
  const asks = open && filled && store.readOnly.value === null;
  const ids = interrupts.map(({ id }) => id).join();
  const asked = useAsk(store.source, "answer_form", asks ? { checkpoint: view.id } : null, ids);
  const formOf = ({ id }: InterruptView) => asked.data?.find((form) => form.id === id);
  const draftOf = (one: InterruptView) => withForms(drafts[one.id], one, formOf(one));
  const filledIn = (one: InterruptView) => draftOf(one).form ?? formOf(one)?.form ?? null;
  const given = interrupts.filter((one) => isGiven(one, draftOf(one), interrupts.length === 1));
  const left = given.map((one) => undecided(one, draftOf(one))).find((name) => name !== null) ?? null;
  const reason =
    store.readOnly.value ??
    (store.running.value ? t("A run is at work: stop it first.") : null) ??
    (given.length === 0 ? nothingYet(interrupts) : null) ??
    (left === null ? null : t("Decide on {name} too.", { name: left }));

  const resume = async (sandbox = false) => {
    const wrong = given.flatMap((one) => errorsIn(one, draftOf(one), filledIn(one)));
    setErrors(wrong);
    setFailure(null);
    if (wrong.length > 0) return;
    setSending(true);
    try {
      const made = await answersOf(given.map((one) => [one, toAnswer(one, draftOf(one), filledIn(one))]));
      setErrors(made.errors);
      if (made.errors.length > 0) return;
      setSending(false);
      await runAndFollow(store, plainRun(view.id, { resume: made.answers, sandbox }));
    } catch (error) {
      setFailure(ProtocolError.of(error));
    } finally {
      setSending(false);
    }
  };
  /** The answers as they are sent: a text as it is, the rest made and checked by Python. */
  const answersOf = async (drafted: [InterruptView, AnswerDraft][]): Promise<AnswersMade> => {
    const texts = Object.fromEntries(drafted.map(([{ id }, draft]) => [id, draft.text]));
    if (Object.values(texts).every((text) => text !== null))
      return { answers: texts as Record<string, string>, errors: [] };
    const drafts = Object.fromEntries(drafted.map(([{ id }, draft]) => [id, draft]));
    return store.source.request("answer_make", { checkpoint: view.id, drafts });
  };
  const toJson = async (one: InterruptView): Promise<string> => {
    const draft = toAnswer(one, draftOf(one), filledIn(one));
    if (one.question.kind !== "decisions") return draft.json ?? draft.text ?? "";
    const made = await answersOf([[one, draft]]);
    return made.answers[one.id] ?? "";
  };
  const set = (one: InterruptView, update: (now: QuestionDraft) => QuestionDraft) =>
    setDrafts((now) => ({ ...now, [one.id]: update(withForms(now[one.id], one, formOf(one))) }));

  return (
    <section
      ref={box}
      class="lgviz-interrupts"
      data-testid="lgviz-interrupt"
      aria-label={t("Interrupt")}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !open) return;
        event.preventDefault();
        if (reason === null && !stale && !sending) void resume();
      }}
    >
      {interrupts.map((interrupt) => (
        <Question
          key={interrupt.id}
          interrupt={interrupt}
          open={open && (!interrupt.answered || answered)}
          draft={draftOf(interrupt)}
          form={filledIn(interrupt)}
          errors={errors.filter(({ id }) => id === interrupt.id)}
          disabled={store.readOnly.value}
          set={(update) => set(interrupt, update)}
          toJson={() => toJson(interrupt)}
        />
      ))}
      {asked.error && <Problem error={asked.error} retry={asked.retry} />}
      {failure && <Problem error={failure} retry={() => void resume()} />}
      <div class="lgviz-interrupt-foot">
        {open && (
          <>
            <Act
              name={resumeName(interrupts, given)}
              primary
              stale={stale || sending}
              reason={reason}
              act={() => void resume()}
              testid="lgviz-resume"
            />
            {!isHeld(store, view.id) && (
              <Act
                name={t("In a sandbox")}
                stale={stale || sending}
                reason={sandboxReason(store) ?? reason}
                hint={t("Resume and store nothing until it is kept")}
                act={() => void resume(true)}
                testid="lgviz-resume-sandbox"
              />
            )}
          </>
        )}
        <span class="lgviz-interrupt-said">
          {answered
            ? failed
              ? t("was answered, and that failed; answering anew makes a fresh fork")
              : t("was answered; answering anew makes a fresh fork")
            : interrupts.length > 1 && t("those without an answer ask again")}
        </span>
        {answered && !anew && (
          <Act
            name={t("Answer anew")}
            reason={store.readOnly.value}
            act={() => {
              setAnew(true);
              setTimeout(() => first(box.current)?.focus());
            }}
            testid="lgviz-answer-anew"
          />
        )}
      </div>
    </section>
  );
}

/** What can be answered first. */
function first(box: HTMLElement | null): HTMLElement | null {
  return (
    box?.querySelector<HTMLElement>("textarea, input, select, [data-decision], .lgviz-seg button") ?? null
  );
}

/** A draft, with the arguments to edit once they are known. */
function withForms(
  draft: QuestionDraft | undefined,
  one: InterruptView,
  forms: AnswerForm | undefined,
): QuestionDraft {
  if (!draft) return newDraft(one, forms);
  if (!forms || draft.actions.every(({ args }, i) => args !== null || !forms.args[i])) return draft;
  const actions = draft.actions.map((action, i) => ({
    ...action,
    args: action.args ?? forms.args[i] ?? null,
  }));
  return { ...draft, actions };
}

function nothingYet(interrupts: readonly InterruptView[]): string {
  const decides = interrupts.every(({ question }) => question.kind === "decisions");
  return decides ? t("Decide first.") : t("Type an answer first.");
}

function resumeName(interrupts: readonly InterruptView[], given: readonly InterruptView[]): string {
  const count = (some: readonly InterruptView[]) => some.reduce((sum, one) => sum + partsOf(one), 0);
  const all = count(interrupts);
  const n = given.length === 0 ? all : count(given);
  if (all === 1) return t("Answer & resume");
  if (n < all) return t("Answer {n} of {all} & resume", { n, all });
  return all === 2 ? t("Answer both & resume") : t("Answer all {n} & resume", { n });
}

interface QuestionProps {
  interrupt: InterruptView;
  open: boolean;
  draft: QuestionDraft;
  form: FieldView | null;
  errors: readonly AnswerError[];
  disabled: string | null;
  set(update: (now: QuestionDraft) => QuestionDraft): void;
  /** The answer so far as JSON. */
  toJson(): Promise<string>;
}

function Question(props: QuestionProps) {
  const { interrupt, open, draft, set, disabled, toJson } = props;
  const { question, answered, answer } = interrupt;
  const decides = question.kind === "decisions";
  const shown = answered && answer && !question.actions.some(({ decided }) => decided);
  return (
    <div class="lgviz-question" data-interrupt={interrupt.id}>
      <div class="lgviz-question-head">
        <Head interrupt={interrupt} />
        {answered && <span class="lgviz-badge">{t("answered")}</span>}
        {open && question.kind !== "text" && (
          <button
            type="button"
            class="lgviz-link"
            aria-pressed={draft.json !== null}
            disabled={disabled !== null}
            onClick={async () => {
              const json = draft.json === null ? await toJson() : null;
              set((now) => ({ ...now, json }));
            }}
          >
            {draft.json === null ? "JSON" : decides ? t("decisions") : t("form")}
          </button>
        )}
      </div>
      {!decides && <Value node={interrupt.value} open bare />}
      {question.warning && <p class="lgviz-warning">{question.warning}</p>}
      {shown && (
        <div class="lgviz-answered">
          <span>{t("Answered with")}</span> <Value node={answer} open />
        </div>
      )}
      {open && draft.json !== null ? <Json {...props} /> : <Asked {...props} />}
    </div>
  );
}

function Head({ interrupt }: { interrupt: InterruptView }) {
  const { node, question, answered } = interrupt;
  if (question.kind !== "decisions")
    return (
      <span>
        <b>{node}</b> {t("asks")}
      </span>
    );
  const names = counted(question.actions.map(({ name }) => name));
  const said = answered
    ? t("{names} waited for a decision")
    : names.length === 1
      ? t("{names} waits for a decision")
      : t("{names} wait for a decision");
  const [before, after] = said.split("{names}");
  return (
    <span title={node}>
      {before}
      {names.map((name, i) => (
        <>
          {i > 0 && (i === names.length - 1 ? ` ${t("and")} ` : ", ")}
          <b key={name}>{name}</b>
        </>
      ))}
      {after}
    </span>
  );
}

/** Names once each, with how often they stand there. */
function counted(names: readonly string[]): string[] {
  const found = new Map<string, number>();
  for (const name of names) found.set(name, (found.get(name) ?? 0) + 1);
  return [...found].map(([name, n]) => (n > 1 ? `${name} × ${n.toLocaleString(locale())}` : name));
}

function locale(): string {
  return language() === "de" ? "de" : "en-US";
}

/** The whole answer as JSON. */
function Json({ interrupt, draft, errors, disabled, set }: QuestionProps) {
  return (
    <div class="lgviz-answer is-json">
      <Area
        mono
        value={draft.json ?? ""}
        change={(json) => set((now) => ({ ...now, json }))}
        disabled={disabled !== null}
        aria-label={t("Answer to {node} as JSON", { node: interrupt.node })}
        aria-invalid={errors.length > 0}
        placeholder={t("the whole answer as JSON")}
      />
      {errors.map(({ message }) => (
        <div key={message} class="lgviz-field-error" data-testid="lgviz-error" role="alert">
          {message}
        </div>
      ))}
    </div>
  );
}

/** What a question asks for: decisions, a form or a text. */
function Asked(props: QuestionProps) {
  const { interrupt, open, draft, form, errors, disabled, set } = props;
  const { question } = interrupt;
  if (question.kind === "decisions") {
    return (
      <>
        {question.actions.map((action, i) => (
          <ActionCard
            key={i}
            action={action}
            open={open}
            draft={draft.actions[i] ?? { type: null, text: "", args: null }}
            errors={errors.filter((error) => error.action === i)}
            disabled={disabled}
            change={(update) =>
              set((now) => ({
                ...now,
                actions: now.actions.map((one, place) => (place === i ? update(one) : one)),
              }))
            }
          />
        ))}
      </>
    );
  }
  if (!open) return null;
  if (question.kind === "form") {
    if (form === null) return disabled === null ? <p class="lgviz-faint">…</p> : null;
    return (
      <Form
        field={form}
        errors={errors}
        label={t("Answer to {node}", { node: interrupt.node })}
        disabled={disabled}
        change={(update) => set((now) => ({ ...now, form: update(now.form ?? form) }))}
      />
    );
  }
  return <Text {...props} />;
}

/** A text box, and answers to click where the question names some. */
function Text({ interrupt, draft, disabled, set }: QuestionProps) {
  const reading = readAs(draft.text);
  const put = (text: string) => set((now) => ({ ...now, text }));
  return (
    <div class="lgviz-answer">
      <Area
        value={draft.text}
        change={put}
        disabled={disabled !== null}
        aria-label={t("Answer to {node}", { node: interrupt.node })}
        placeholder={t("answer: text, or JSON")}
      />
      <div class="lgviz-answer-hints">
        {interrupt.question.options.map((option) => (
          <button
            key={option.value}
            type="button"
            class="lgviz-tag"
            disabled={disabled !== null}
            aria-pressed={draft.text === optionText(option)}
            onClick={() => put(optionText(option))}
          >
            {option.label}
          </button>
        ))}
        {reading !== "nothing" && <span class="lgviz-faint">{sentAs(reading)}</span>}
      </div>
    </div>
  );
}

function sentAs(reading: ReturnType<typeof readAs>): string {
  return {
    nothing: "",
    text: t("sent as text"),
    number: t("sent as number"),
    boolean: t("sent as boolean"),
    null: t("sent as null"),
    list: t("sent as list"),
    object: t("sent as object"),
  }[reading];
}

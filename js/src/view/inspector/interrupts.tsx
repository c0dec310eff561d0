// The questions that the step after this checkpoint asked, answered in place.
import { useRef, useState } from "preact/hooks";
import {
  errorsIn,
  isGiven,
  newDraft,
  partsOf,
  type QuestionDraft,
  toAnswer,
  undecided,
} from "../../lib/answers";
import { isActKey } from "../../lib/keyboard";
import { still } from "../../lib/still";
import { t } from "../../lib/words";
import type {
  AnswerDraft,
  AnswerError,
  AnswerForm,
  AnswersMade,
  CheckpointView,
  InterruptView,
} from "../../protocol";
import { ProtocolError } from "../../source/error";
import { isHeld, plainRun, runAndFollow, sandboxReason } from "../../state/acts";
import type { Store } from "../../state/store";
import { Act } from "../ui/act";
import { useAsk } from "../ui/ask";
import { type CodeChoice, CopyCode } from "../ui/copy";
import { Problem } from "../ui/problem";
import { Question } from "./question";

interface Props {
  store: Store;
  view: CheckpointView;
  stale: boolean;
}

type Drafts = Record<string, QuestionDraft>;

/** What was filled in, by checkpoint, kept while one looks elsewhere. */
const kept = new WeakMap<Store, Map<string, Drafts>>();

function useDrafts(store: Store, checkpoint: string) {
  const mine = kept.get(store) ?? new Map<string, Drafts>();
  kept.set(store, mine);
  const [drafts, show] = useState(mine.get(checkpoint) ?? {});
  const change = (update: (now: Drafts) => Drafts) => {
    const next = update(mine.get(checkpoint) ?? {});
    mine.set(checkpoint, next);
    show(next);
  };
  return [drafts, change] as const;
}

export function Interrupts({ store, view, stale }: Props) {
  const [drafts, setDrafts] = useDrafts(store, view.id);
  const [anew, setAnew] = useState<ReadonlySet<string>>(new Set());
  const [errors, setErrors] = useState<AnswerError[]>([]);
  const [failure, setFailure] = useState<ProtocolError | null>(null);
  const [sending, setSending] = useState(false);
  const box = useRef<HTMLElement>(null);
  const { interrupts } = view;
  const answered = interrupts.every((interrupt) => interrupt.answered);
  const failed = answered && view.error !== null;
  const isOpen = (one: InterruptView) => !still.value && (!one.answered || failed || anew.has(one.id));
  const asking = interrupts.filter(isOpen);
  const open = asking.length > 0;
  const filled = interrupts.some(({ question }) => question.kind !== "text");
  const asks = open && filled && store.readOnly.value === null;
  const ids = interrupts.map(({ id }) => id).join();
  const asked = useAsk(store.source, "answer_form", asks ? { checkpoint: view.id } : null, ids);
  const formOf = ({ id }: InterruptView) => asked.data?.find((form) => form.id === id);
  const draftOf = (one: InterruptView) => withForms(drafts[one.id], one, formOf(one));
  const filledIn = (one: InterruptView) => draftOf(one).form ?? formOf(one)?.form ?? null;
  const given = asking.filter((one) => isGiven(one, draftOf(one), asking.length === 1));
  const left = given.map((one) => undecided(one, draftOf(one))).find((name) => name !== null) ?? null;
  const reason =
    store.readOnly.value ??
    (store.running.value ? t("A run is at work: stop it first.") : null) ??
    (given.length === 0 ? nothingYet(asking) : null) ??
    (left === null ? null : t("Decide on {name} too.", { name: left }));

  /** The answers as they are sent; null where something is wrong with them, which is said then. */
  const made = async (): Promise<Record<string, string> | null> => {
    const wrong = given.flatMap((one) => errorsIn(one, draftOf(one), filledIn(one)));
    setErrors(wrong);
    setFailure(null);
    // What is missing Python tells too; what is no number or JSON it could not read.
    if (wrong.some(({ message }) => message !== t("A value is needed."))) return null;
    try {
      const { answers, errors: told } = await answersOf(
        given.map((one) => [one, toAnswer(one, draftOf(one), filledIn(one))]),
      );
      const all = [...wrong, ...told.filter((error) => !wrong.some((one) => samePlace(one, error)))];
      setErrors(all);
      return all.length > 0 ? null : answers;
    } catch (error) {
      setFailure(ProtocolError.of(error));
      return null;
    }
  };
  const resume = async (sandbox = false) => {
    setSending(true);
    const answers = await made();
    setSending(false);
    if (!answers) return;
    const run = await runAndFollow(store, plainRun(view.id, { resume: answers, sandbox }));
    if (run && run.status !== "failed") setDrafts((now) => without(now, Object.keys(answers)));
  };
  const copied = async (): Promise<CodeChoice[]> => {
    const answers = await made();
    if (!answers) return [];
    const run = plainRun(view.id, { resume: answers });
    return [{ name: t("answer"), request: { checkpoint: view.id, act: "run", run } }];
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
  const reopen = (some: readonly InterruptView[]) => {
    setAnew(new Set([...anew, ...some.map(({ id }) => id)]));
    setTimeout(() => first(box.current, some[0]?.id)?.focus());
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
        if (!isActKey(event) || !open) return;
        event.preventDefault();
        if (reason === null && !stale && !sending) void resume();
      }}
    >
      {interrupts.map((interrupt) => (
        <Question
          key={interrupt.id}
          interrupt={interrupt}
          open={isOpen(interrupt)}
          reopen={interrupt.answered && !answered && !isOpen(interrupt) ? () => reopen([interrupt]) : null}
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
      <div class="lgviz-interrupt-foot" hidden={still.value}>
        {open && (
          <>
            <Act
              name={resumeName(asking, given)}
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
            <CopyCode source={store.source} choices={copied} disabled={reason} />
          </>
        )}
        <span class="lgviz-interrupt-said">
          {answered
            ? failed
              ? t("was answered, and that failed; answering anew makes a fresh fork")
              : t("was answered; answering anew makes a fresh fork")
            : interrupts.length > 1 && t("those without an answer ask again")}
        </span>
        {answered && !interrupts.every(({ id }) => anew.has(id)) && (
          <Act
            name={t("Answer anew")}
            reason={store.readOnly.value}
            act={() => reopen(interrupts)}
            testid="lgviz-answer-anew"
          />
        )}
      </div>
    </section>
  );
}

function samePlace(one: AnswerError, other: AnswerError): boolean {
  const place = ({ id, action, path }: AnswerError) => JSON.stringify([id, action, path]);
  return place(one) === place(other);
}

/** What was sent need not be kept. */
function without(drafts: Drafts, ids: readonly string[]): Drafts {
  return Object.fromEntries(Object.entries(drafts).filter(([id]) => !ids.includes(id)));
}

/** What of a question can be filled in first. */
function first(box: HTMLElement | null, id: string | undefined): HTMLElement | null {
  const question = box?.querySelector(`[data-interrupt="${CSS.escape(id ?? "")}"]`);
  const fields = "textarea, input, select, [data-decision], .lgviz-seg button";
  return question?.querySelector<HTMLElement>(fields) ?? null;
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

// One question of a step: what it asks, what it was answered with, and what an answer is made with.
import { optionText, type QuestionDraft } from "../../lib/answers";
import { readAs } from "../../lib/json";
import { locale, t } from "../../lib/words";
import type { AnswerError, FieldView, InterruptView } from "../../protocol";
import { Area } from "../ui/area";
import { Form } from "../ui/form";
import { ActionCard } from "./decisions";
import { Value } from "./value";

interface QuestionProps {
  interrupt: InterruptView;
  open: boolean;
  /** Answers it anew while others wait; null where that is not needed. */
  reopen: (() => void) | null;
  draft: QuestionDraft;
  form: FieldView | null;
  errors: readonly AnswerError[];
  disabled: string | null;
  set(update: (now: QuestionDraft) => QuestionDraft): void;
  /** The answer so far as JSON. */
  toJson(): Promise<string>;
}

export function Question(props: QuestionProps) {
  const { interrupt, open, reopen, draft, set, disabled, toJson } = props;
  const { question, answered, answer } = interrupt;
  const decides = question.kind === "decisions";
  const shown = answered && answer && !question.actions.some(({ decided }) => decided);
  return (
    <div class="lgviz-question" data-interrupt={interrupt.id}>
      <div class="lgviz-question-head">
        <Head interrupt={interrupt} />
        {answered && <span class="lgviz-badge">{t("answered")}</span>}
        {reopen && (
          <button
            type="button"
            class="lgviz-link"
            data-testid="lgviz-answer-anew"
            disabled={disabled !== null}
            onClick={reopen}
          >
            {t("Answer anew")}
          </button>
        )}
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

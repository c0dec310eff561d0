// Answers being written: what a person chose and typed, by question, and the request that it makes.
import type {
  AnswerDraft,
  AnswerError,
  AnswerForm,
  FieldOption,
  FieldView,
  InterruptView,
} from "../protocol";
import { jsonOf, problemsIn } from "./fields";
import { readAs } from "./json";

export interface ActionDraft {
  /** The decision; null: none yet. */
  type: string | null;
  text: string;
  args: FieldView | null;
}

export interface QuestionDraft {
  text: string;
  /** The whole answer as JSON, where it is written so. */
  json: string | null;
  /** The filled-in form; null: not touched. */
  form: FieldView | null;
  actions: ActionDraft[];
}

export function newDraft({ question }: InterruptView, forms: AnswerForm | undefined): QuestionDraft {
  const actions = question.actions.map((_, i) => ({ type: null, text: "", args: forms?.args[i] ?? null }));
  return { text: "", json: null, form: null, actions };
}

/** How many answers a question takes: one an action. */
export function partsOf({ question }: InterruptView): number {
  return Math.max(1, question.actions.length);
}

/** Whether something was filled in; a form that is asked `alone` may be sent as it stands. */
export function isGiven({ question }: InterruptView, draft: QuestionDraft, alone: boolean): boolean {
  if (draft.json !== null) return draft.json.trim() !== "";
  if (question.kind === "decisions") return draft.actions.some(({ type }) => type !== null);
  return question.kind === "form" ? alone || draft.form !== null : draft.text.trim() !== "";
}

/** The first action that is not decided on, of a question that was begun. */
export function undecided({ question }: InterruptView, draft: QuestionDraft): string | null {
  if (draft.json !== null || question.kind !== "decisions") return null;
  const place = draft.actions.findIndex(({ type }) => type === null);
  return place < 0 ? null : (question.actions[place]?.name ?? null);
}

/** What can be seen to be wrong before Python is asked. */
export function errorsIn(
  interrupt: InterruptView,
  draft: QuestionDraft,
  form: FieldView | null,
): AnswerError[] {
  const { id, question } = interrupt;
  if (draft.json !== null) return [];
  if (question.kind === "form")
    return form === null ? [] : problemsIn(form).map((error) => ({ ...error, id, action: null }));
  return draft.actions.flatMap(({ type, args }, action) => {
    const edits = question.actions[action]?.decisions.find((one) => one.type === type)?.takes === "args";
    return edits && args ? problemsIn(args).map((error) => ({ ...error, id, action })) : [];
  });
}

export function toAnswer(
  { question }: InterruptView,
  draft: QuestionDraft,
  form: FieldView | null,
): AnswerDraft {
  const none = { decisions: null, json: null, text: null };
  if (draft.json !== null) return { ...none, json: draft.json };
  if (question.kind === "text") return { ...none, text: draft.text };
  if (question.kind === "form") return { ...none, json: (form && jsonOf(form)) ?? "null" };
  const decisions = draft.actions.map(({ type, text, args }) =>
    type === null ? null : { type, text, args: args && jsonOf(args) },
  );
  return { ...none, decisions };
}

/** What an option puts into the text field: its label, where that is read as its value. */
export function optionText({ label, value }: FieldOption): string {
  return value === JSON.stringify(label) && readAs(label) === "text" ? label : value;
}

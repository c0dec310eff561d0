// A start being written: what a person filled in, what is wrong with it, and the request it makes.
import type { FieldError, FieldView, RefusedPart, StartForm, StartRequest } from "../protocol";
import { jsonOf, problemsIn } from "./fields";
import { jsonError, objectError } from "./json";
import { t } from "./words";

export interface StartDraft {
  /** Of a server's several graphs the one that was chosen; null: the one that is proposed. */
  graph: string | null;
  /** The id of the new thread; null: the one that is proposed. */
  thread: string | null;
  message: string;
  /** The forms once they are filled in; null: as they were given. */
  input: FieldView | null;
  context: FieldView | null;
  configurable: string | null;
  /** The whole input as JSON; null while it is filled in as a form. */
  json: string | null;
}

export const BLANK: StartDraft = {
  graph: null,
  thread: null,
  message: "",
  input: null,
  context: null,
  configurable: null,
  json: null,
};

export type Part = "thread" | "message" | "input" | "context" | "configurable";

/** The draft of the turn after: the same options, and nothing said yet. */
export function nextTurn(draft: StartDraft): StartDraft {
  return { ...BLANK, context: draft.context, configurable: draft.configurable };
}

/** The draft for another graph, which takes another input. */
export function withGraph(draft: StartDraft, graph: string): StartDraft {
  return { ...BLANK, thread: draft.thread, message: draft.message, graph };
}

export function inputOf(form: StartForm, draft: StartDraft): FieldView | null {
  return draft.input ?? form.input;
}

export function contextOf(form: StartForm, draft: StartDraft): FieldView | null {
  return draft.context ?? form.context;
}

export function threadOf(form: StartForm, draft: StartDraft): string {
  return draft.thread ?? form.thread_id;
}

/** What can be seen to be wrong before Python is asked. */
export function problemsOf(form: StartForm, draft: StartDraft): RefusedPart[] {
  const at = (channel: Part, errors: readonly FieldError[]) =>
    errors.map((error): RefusedPart => ({ channel, path: [], error }));
  const said = (channel: Part, message: string | null) =>
    message === null ? [] : at(channel, [{ path: [], message }]);
  const input = inputOf(form, draft);
  const context = contextOf(form, draft);
  const configurable = draft.configurable ?? form.configurable;
  return [
    ...said("thread", threadOf(form, draft).trim() === "" ? t("Name the new thread.") : null),
    ...(draft.json !== null
      ? said("input", jsonError(draft.json))
      : [
          ...said(
            "message",
            form.chat !== null && draft.message.trim() === "" ? t("Write a message.") : null,
          ),
          ...(input ? at("input", problemsIn(input)) : []),
        ]),
    ...(context ? at("context", problemsIn(context)) : []),
    ...said("configurable", objectError(configurable)),
  ];
}

/** What is said of one part of the form. */
export function errorsOf(refused: readonly RefusedPart[], part: Part): FieldError[] {
  return refused.filter(({ channel }) => channel === part).map(({ error }) => error);
}

/** The whole input as JSON, to go on with it so. */
export function asJson(form: StartForm, draft: StartDraft): string {
  const input = inputOf(form, draft);
  const rest: unknown = input === null ? {} : parsed(jsonOf(input));
  const messages = [{ role: "user", content: draft.message }];
  if (form.chat === null) return JSON.stringify(rest ?? null, null, 2);
  if (form.chat === "") return JSON.stringify(messages, null, 2);
  return JSON.stringify({ [form.chat]: messages, ...(rest as object) }, null, 2);
}

function parsed(json: string | null): unknown {
  try {
    return json === null ? {} : JSON.parse(json);
  } catch {
    return {}; // a number that is none yet
  }
}

export function toStart(form: StartForm, draft: StartDraft, checkpoint: string | null): StartRequest {
  const input = inputOf(form, draft);
  const context = contextOf(form, draft);
  const configurable = draft.configurable ?? form.configurable;
  const asks = draft.json === null && form.chat !== null;
  return {
    checkpoint,
    ...(draft.graph !== null && { graph: draft.graph }),
    thread_id: threadOf(form, draft).trim(),
    message: asks ? draft.message : null,
    input: draft.json ?? (input === null ? null : (jsonOf(input) ?? "null")),
    context: context === null ? null : jsonOf(context),
    configurable: configurable.trim() === "" ? null : configurable,
  };
}

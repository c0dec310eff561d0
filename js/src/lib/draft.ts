// A fork being written: what a person typed, and the request it makes.
import type { AsNodeOption, ForkField, ForkForm, ForkRequest, ForkValue, Mode } from "../protocol";
import { jsonError, objectError } from "./json";

export interface FieldDraft {
  mode: Mode;
  /** The text of each mode is kept, so that trying the other loses nothing. */
  append: string;
  set: string;
}

export interface Draft {
  fields: Record<string, FieldDraft>;
  asNode: string | null;
  goto: string | null;
  keepSiblings: boolean;
  note: string;
  configurable: string;
}

export function newDraft(form: ForkForm): Draft {
  const valid = form.as_node.find((option) => option.node === form.inferred && choosable(option));
  return {
    fields: Object.fromEntries(form.fields.map((field) => [field.channel, newField(field)])),
    asNode: valid?.node ?? null,
    goto: null,
    keepSiblings: false,
    note: "",
    configurable: form.configurable,
  };
}

function newField(field: ForkField): FieldDraft {
  return { mode: field.reducer === null ? "set" : "append", append: "", set: field.current };
}

/** Whether a node can be chosen: also where only other values make it possible. */
export function choosable({ disabled, needs_values }: AsNodeOption): boolean {
  return disabled === null || needs_values;
}

export function textOf(draft: FieldDraft): string {
  return draft[draft.mode];
}

/** A channel is sent only when its text was changed. */
export function isTouched(field: ForkField, draft: FieldDraft | undefined): draft is FieldDraft {
  if (!draft) return false;
  return draft.mode === "append" ? draft.append.trim() !== "" : draft.set !== field.current;
}

/** What is wrong with one field's text; null while untouched. */
export function fieldError(field: ForkField, draft: FieldDraft | undefined): string | null {
  return isTouched(field, draft) ? jsonError(textOf(draft)) : null;
}

export function optionOf(form: ForkForm, draft: Draft): AsNodeOption | null {
  return form.as_node.find((option) => option.node === draft.asNode) ?? null;
}

/** Why the fork cannot be made yet, for the person; null where it can. */
export function obstacle(form: ForkForm, draft: Draft): string | null {
  for (const field of form.fields) {
    if (fieldError(field, draft.fields[field.channel]))
      return `The value of ${field.channel} is not valid JSON.`;
  }
  if (objectError(draft.configurable)) return "configurable is not a valid JSON object.";
  if (form.inferred === null && draft.asNode === null) {
    return "Choose the node to write as: LangGraph cannot tell by itself (ambiguous update).";
  }
  return null;
}

export function toRequest(form: ForkForm, draft: Draft): ForkRequest {
  const values: Record<string, ForkValue> = {};
  for (const field of form.fields) {
    const written = draft.fields[field.channel];
    if (!isTouched(field, written)) continue;
    // Without a reducer both mean the same; the plain value is what a person would write.
    values[field.channel] = { mode: field.reducer === null ? "append" : written.mode, text: textOf(written) };
  }
  const targets = optionOf(form, draft)?.goto ?? [];
  return {
    checkpoint: form.checkpoint,
    values,
    as_node: draft.asNode,
    goto: draft.goto !== null && targets.includes(draft.goto) ? draft.goto : null,
    keep_siblings: draft.keepSiblings && form.siblings.length > 0,
    note: draft.note.trim() === "" ? null : draft.note.trim(),
    configurable: draft.configurable.trim() === "" ? null : draft.configurable,
    sandbox: false,
  };
}

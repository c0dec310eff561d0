// A fork being written: what a person typed, and the request it makes.
import type { AsNodeOption, ForkField, ForkForm, ForkRequest, ForkValue, Mode } from "../protocol";
import { jsonError, objectError } from "./json";
import {
  editsOf,
  isEdited,
  keyOf,
  newPart,
  type Part,
  type PartDraft,
  problemsOf,
  proposed,
  writers,
} from "./parts";
import { t } from "./words";

export interface FieldDraft {
  mode: Mode;
  /** The text of each mode is kept, so that trying the other loses nothing. */
  append: string;
  set: string;
}

export interface Draft {
  /** The parts of values that are edited, the newest last. */
  parts: PartDraft[];
  /** The channels that have a field. */
  shown: string[];
  /** The run's config has one. */
  config: boolean;
  fields: Record<string, FieldDraft>;
  /** The node that the person chose; else null: see `asNodeOf`. */
  asNode: string | null;
  goto: string | null;
  keepSiblings: boolean;
  note: string;
  configurable: string;
  /** The id of the new thread that it is to be made in; null: it stays in this one. */
  thread: string | null;
}

/** Channels that are all shown at once where a fork begins with nothing in particular. */
const FEW = 8;

/** A fork that begins with a part of a value, or (null) with nothing in particular. */
export function newDraft(form: ForkForm, part: Part | null = null): Draft {
  const few = part === null && form.fields.length <= FEW ? form.fields : [];
  return {
    parts: part
      ? [newPart(part, true)]
      : few.filter(isWhole).map((one) => newPart(whole(one.channel), false)),
    shown: few.filter((field) => !isWhole(field)).map((field) => field.channel),
    config: false,
    fields: Object.fromEntries(form.fields.map((field) => [field.channel, newField(field)])),
    asNode: null,
    goto: null,
    keepSiblings: false,
    note: "",
    configurable: form.configurable,
    thread: null,
  };
}

/** The draft with a part to edit, which may be in it already. */
export function withPart(draft: Draft, part: Part): Draft {
  const known = draft.parts.some((one) => keyOf(one) === keyOf(part));
  return known ? draft : { ...draft, parts: [...draft.parts, newPart(part, true)] };
}

/** A channel without a reducer is edited as its value is; one with a reducer may be appended to. */
function isWhole(field: ForkField): boolean {
  return field.reducer === null && (field.current !== "" || field.reason !== null);
}

function whole(channel: string): Part {
  return { channel, path: [] };
}

/** The channels that have no field yet. */
export function leftOut(form: ForkForm, draft: Draft): ForkField[] {
  const there = new Set([
    ...draft.shown,
    ...draft.parts.filter(({ path }) => path.length === 0).map(({ channel }) => channel),
  ]);
  return form.fields.filter(({ channel }) => !there.has(channel));
}

/** The draft with a field for one more channel; null: for the run's config. */
export function withChannel(form: ForkForm, draft: Draft, channel: string | null): Draft {
  if (channel === null) return { ...draft, config: true };
  const field = form.fields.find((one) => one.channel === channel);
  if (field && isWhole(field)) return withPart(draft, whole(channel));
  return { ...draft, shown: [...draft.shown.filter((one) => one !== channel), channel] };
}

export function newField(field: ForkField): FieldDraft {
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

/** The node it is written as: the chosen one, else who wrote what is edited, else LangGraph's own choice. */
export function asNodeOf(form: ForkForm, draft: Draft): string | null {
  if (draft.asNode !== null) return draft.asNode;
  const wrote = proposed(form, draft.parts);
  if (wrote !== undefined) return wrote;
  return form.as_node.find((one) => one.node === form.inferred && choosable(one))?.node ?? null;
}

export function optionOf(form: ForkForm, draft: Draft): AsNodeOption | null {
  const node = asNodeOf(form, draft);
  return form.as_node.find((option) => option.node === node) ?? null;
}

export function hasValues(form: ForkForm, draft: Draft): boolean {
  return draft.parts.some(isEdited) || form.fields.some((one) => isTouched(one, draft.fields[one.channel]));
}

/** Why the fork cannot be made yet, for the person; null where it can. */
export function obstacle(form: ForkForm, draft: Draft): string | null {
  for (const field of form.fields) {
    if (fieldError(field, draft.fields[field.channel]))
      return t("The value of {channel} is not valid JSON.", { channel: field.channel });
  }
  for (const part of draft.parts) {
    if (part.form === null && part.asked) return t("The value is on its way.");
    const [first] = problemsOf(part);
    if (first) return `${part.channel}: ${first.message}`;
  }
  if (objectError(draft.configurable)) return t("configurable is not a valid JSON object.");
  if (draft.thread !== null && draft.thread.trim() === "") return t("Name the new thread.");
  if (asNodeOf(form, draft) !== null) return null;
  const wrote = writers(draft.parts);
  if (wrote !== null && wrote.length > 1)
    return t("Choose the node to write as: {nodes} wrote it.", { nodes: wrote.join(", ") });
  if (form.inferred === null)
    return t("Choose the node to write as: LangGraph cannot tell by itself (ambiguous update).");
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
  const edits = editsOf(draft.parts);
  return {
    checkpoint: form.checkpoint,
    values,
    ...(edits.length > 0 ? { edits } : {}),
    as_node: asNodeOf(form, draft),
    goto: draft.goto !== null && targets.includes(draft.goto) ? draft.goto : null,
    keep_siblings: draft.keepSiblings && form.siblings.length > 0,
    note: draft.note.trim() === "" ? null : draft.note.trim(),
    configurable: draft.configurable.trim() === "" ? null : draft.configurable,
    ...(draft.thread === null ? {} : { new_thread: draft.thread.trim() }),
    sandbox: false,
  };
}

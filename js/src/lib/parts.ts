// Parts of a state being edited: what was sent of them, and what a person made of it.
import type { FieldError, FieldView, ForkForm, PartEdit, PartForm, RefusedPart } from "../protocol";
import { jsonOf, problemsIn } from "./fields";
import { jsonError } from "./json";

export interface Part {
  channel: string;
  /** Positions from the channel's value down. */
  path: readonly number[];
}

export interface PartDraft extends Part {
  /** What was sent of it; null until it came. */
  form: PartForm | null;
  /** As a form, as it was edited. */
  field: FieldView | null;
  /** As JSON, where it is edited as such; else null. */
  raw: string | null;
  /** It was asked for by itself, and not because there are few channels. */
  asked: boolean;
}

/** Names a part within a checkpoint. */
export function keyOf({ channel, path }: Part): string {
  return JSON.stringify([channel, ...path]);
}

export function newPart({ channel, path }: Part, asked: boolean): PartDraft {
  return { channel, path, form: null, field: null, raw: null, asked };
}

/** What was sent, to begin with: as a form, or as JSON where a form would only be one field of it. */
export function begun(part: PartDraft, form: PartForm): PartDraft {
  const raw = form.reason !== null ? "" : form.field.kind === "json" ? form.text : null;
  return { ...part, form, field: form.field, raw };
}

/** A part as JSON, as it was edited. */
export function textOfPart({ form, field, raw }: PartDraft): string {
  return raw ?? (field && jsonOf(field)) ?? form?.text ?? "";
}

/** Whether two texts are the same JSON, however they are laid out. */
export function sameJson(one: string, other: string): boolean {
  if (one === other) return true;
  try {
    return JSON.stringify(sorted(JSON.parse(one))) === JSON.stringify(sorted(JSON.parse(other)));
  } catch {
    return false;
  }
}

/** Objects with their keys in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.map(([key, one]) => [key, sorted(one)]);
}

export function isEdited(part: PartDraft): boolean {
  if (part.form === null) return false;
  // What was too long to be sent can be replaced only.
  if (part.form.reason !== null) return (part.raw ?? "").trim() !== "";
  return !sameJson(part.form.text, textOfPart(part));
}

/** What can be seen to be wrong before Python is asked. */
export function problemsOf(part: PartDraft): FieldError[] {
  if (!isEdited(part)) return [];
  if (part.raw !== null) {
    const message = jsonError(part.raw);
    return message === null ? [] : [{ path: [], message }];
  }
  return part.field ? problemsIn(part.field) : [];
}

/** What Python refused of a part; what it says of a channel as a whole is said of each of its parts. */
export function refusedOf(part: Part, refused: readonly RefusedPart[]): FieldError[] {
  const mine = refused.filter((one) => one.channel === part.channel);
  return mine.filter((one) => one.path.length === 0 || keyOf(one) === keyOf(part)).map(({ error }) => error);
}

export function editsOf(parts: readonly PartDraft[]): PartEdit[] {
  return parts
    .filter(isEdited)
    .map((part) => ({ channel: part.channel, path: [...part.path], text: textOfPart(part) }));
}

/** The nodes that wrote the parts that are edited; null where that is not known of each, or there are none. */
export function writers(parts: readonly PartDraft[]): string[] | null {
  const meant = parts.filter((part) => part.asked || isEdited(part));
  const all = new Set<string>();
  if (meant.length === 0) return null;
  for (const { form } of meant) {
    if (!form?.origin || form.origin.nodes.length === 0) return null;
    for (const node of form.origin.nodes) all.add(node);
  }
  return [...all];
}

/** The node that wrote all the parts; null where several did, undefined where that is not known. */
export function proposed(form: ForkForm, parts: readonly PartDraft[]): string | null | undefined {
  const nodes = writers(parts);
  if (nodes === null) return undefined;
  const [node] = nodes;
  if (nodes.length !== 1 || node === undefined) return null;
  const option = form.as_node.find((one) => one.node === node);
  return option && (option.disabled === null || option.needs_values) ? node : undefined;
}

// The fields of a form as values: what they hold as JSON, what is missing, and how one of them is changed.
import type { FieldError, FieldView } from "../protocol";
import { jsonError } from "./json";
import { t } from "./words";

export type FieldPath = readonly (string | number)[];

const NUMBER = /^-?(?:(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|Infinity)$|^NaN$/;
const WHOLE = /^-?(?:0|[1-9]\d*)$/;

/** Whether nothing stands in a field. */
export function isEmpty(field: FieldView): boolean {
  return field.value === null;
}

/** The JSON of what a field holds, numbers as they were typed; null: its key is left out. */
export function jsonOf(field: FieldView): string | null {
  if (field.value === null) return { null: "null", text: '""', absent: null, needed: null }[field.empty];
  switch (field.kind) {
    case "text":
    case "date":
    case "time":
      return JSON.stringify(field.value);
    case "object": {
      const parts = field.fields.flatMap((part) => {
        const json = jsonOf(part);
        return json === null ? [] : [`${JSON.stringify(part.name)}: ${json}`];
      });
      return `{${parts.join(", ")}}`;
    }
    case "list":
      return `[${field.fields.map((part) => jsonOf(part) ?? "null").join(", ")}]`;
    case "oneof": {
      const form = field.fields[Number(field.value)];
      return form ? jsonOf(form) : null;
    }
    default:
      return field.value.trim();
  }
}

/** What can be seen to be wrong before Python is asked: empty fields that are needed, numbers and JSON that are none. */
export function problemsIn(field: FieldView, path: FieldPath = []): FieldError[] {
  const wrong = (message: string): FieldError[] => [{ path: [...path], message }];
  if (field.value === null) return field.empty === "needed" ? wrong(t("A value is needed.")) : [];
  switch (field.kind) {
    case "integer":
      return WHOLE.test(field.value.trim()) ? [] : wrong(t("This must be a whole number."));
    case "number":
      return NUMBER.test(field.value.trim()) ? [] : wrong(t("This must be a number."));
    case "json": {
      const error = jsonError(field.value);
      return error === null ? [] : wrong(error);
    }
    case "object":
      return field.fields.flatMap((part) => problemsIn(part, [...path, part.name]));
    case "list":
      return field.fields.flatMap((part, i) => problemsIn(part, [...path, i]));
    case "oneof": {
      const form = field.fields[Number(field.value)];
      return form ? problemsIn(form, path) : [];
    }
    default:
      return [];
  }
}

/** A field with another text in it; an emptied one holds nothing. */
export function typed(field: FieldView, text: string): FieldView {
  const keeps = text !== "" || (field.kind === "text" && field.empty === "text");
  return { ...field, value: keeps ? text : null };
}

/** A field with one of its parts changed. */
export function withPart(field: FieldView, place: number, update: (now: FieldView) => FieldView): FieldView {
  return { ...field, fields: field.fields.map((one, i) => (i === place ? update(one) : one)) };
}

/** A list with one more item, or with one less. */
export function withItem(field: FieldView): FieldView {
  if (field.item === null) return field;
  const item = { ...field.item, name: `${field.fields.length}` };
  return { ...field, value: "[]", fields: [...field.fields, item] };
}

export function withoutItem(field: FieldView, place: number): FieldView {
  const left = field.fields.filter((_, i) => i !== place).map((part, i) => ({ ...part, name: `${i}` }));
  return { ...field, fields: left };
}

/** The errors of one part, with the rest of their paths. */
export function below(errors: readonly FieldError[], key: string | number): FieldError[] {
  return errors.flatMap(({ path, message }) => (path[0] === key ? [{ path: path.slice(1), message }] : []));
}

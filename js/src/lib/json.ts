// JSON as typed by a person: checked while typing, judged for good by Python.
import { t } from "./words";

/** Why the text is no JSON, in words with the place; null where it is. Python also takes NaN and Infinity. */
export function jsonError(text: string): string | null {
  if (text.trim() === "") return t('Type a value, for example "text" in quotes, 3, true or [1, 2].');
  try {
    JSON.parse(pythonic(text));
    return null;
  } catch (error) {
    return hint(text) ?? located(text, (error as Error).message);
  }
}

/** The bare words `NaN` and `Infinity` outside strings, replaced so that the browser's parser takes them. */
function pythonic(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (token) =>
    token.startsWith('"') ? token : "0",
  );
}

function hint(text: string): string | null {
  const bare = text.trim();
  if (/^(True|False|None)$/.test(bare)) {
    const json = { True: "true", False: "false", None: "null" }[bare] ?? "";
    return t("JSON writes {json} for Python's {python}.", { json, python: bare });
  }
  if (/^'.*'$/s.test(bare) || /[[{,:]\s*'/.test(bare))
    return t("JSON puts text in double quotes, not single ones.");
  if (/,\s*[\]}]/.test(bare)) return t("JSON allows no comma before a closing bracket.");
  if (/^[^\s"[{\d-]/.test(bare)) return t("Text needs double quotes around it.");
  return null;
}

function located(text: string, message: string): string {
  const at = /position (\d+)/.exec(message);
  if (!at) return t("Not valid JSON: it ends too early.");
  const before = text.slice(0, Number(at[1]));
  const line = before.split("\n").length;
  const column = before.length - before.lastIndexOf("\n");
  return t("Not valid JSON at line {line}, column {column}.", { line, column });
}

/** How an answer to an interrupt will be read: JSON where it is JSON, else the text itself. */
export function readAs(text: string): "nothing" | "text" | "number" | "boolean" | "null" | "list" | "object" {
  if (text.trim() === "") return "nothing";
  try {
    const value: unknown = JSON.parse(text);
    if (value === null) return "null";
    if (Array.isArray(value)) return "list";
    const kind = typeof value;
    return kind === "string" ? "text" : (kind as "number" | "boolean" | "object");
  } catch {
    return "text";
  }
}

/** The object that text must be for `configurable`; null where it is one or empty. */
export function objectError(text: string): string | null {
  if (text.trim() === "") return null;
  const wrong = jsonError(text);
  if (wrong) return wrong;
  return text.trim().startsWith("{") ? null : t('configurable is an object, for example {"user": "ada"}.');
}

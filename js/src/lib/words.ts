// The words of the front end in the reader's language: English stands in the code and is the key, as with gettext.
import { german } from "../words/de";

type Catalogue = Readonly<Record<string, string>>;
type Values = Readonly<Record<string, string | number>>;

const CATALOGUES: Readonly<Record<string, Catalogue>> = { de: german };
/** Where a language is chosen that is not the page's: `de`, `en`, `pseudo` (long words) or `pseudo-rtl`. */
export const CHOICE = "lgviz:language";

/** The language in use: what was chosen, else the page's (JupyterLab names its own there), else English. */
export function language(): string {
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem(CHOICE);
  } catch {
    // A page that may not store anything has the page's language.
  }
  return chosen ?? document.documentElement.lang.slice(0, 2).toLowerCase();
}

/** `t("Fork at {label}", { label })`: the text in the reader's language, with its values. */
export function t(text: string, values: Values = {}): string {
  const now = language();
  const said = now.startsWith("pseudo") ? pseudo(text) : (CATALOGUES[now]?.[text] ?? text);
  return said.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** `tn("{n} branch", "{n} branches", n)`: by number. */
export function tn(one: string, many: string, n: number, values: Values = {}): string {
  return t(n === 1 ? one : many, { n: n.toLocaleString("en-US"), ...values });
}

/** Longer than any translation, with accents: what stays plain English was not given to `t`. */
function pseudo(text: string): string {
  const accents: Readonly<Record<string, string>> = {
    a: "á",
    e: "é",
    i: "í",
    o: "ó",
    u: "ú",
    A: "Á",
    E: "É",
    O: "Ó",
  };
  const marked = text.replace(/\{\w+\}|[aeiouAEO]/g, (found) => accents[found] ?? found);
  return `⟦${marked}${"·".repeat(Math.ceil(text.length * 0.4))}⟧`;
}

/** Whether text runs from right to left in the language in use. */
export function rightToLeft(): boolean {
  return ["ar", "he", "fa", "ur", "pseudo-rtl"].includes(language());
}

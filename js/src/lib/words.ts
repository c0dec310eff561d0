// The words of the front end in the reader's language: English stands in the code and is the key, as with gettext.
import { signal } from "@preact/signals";
import type { ComponentChild } from "preact";
import { german } from "../words/de";

type Catalogue = Readonly<Record<string, string>>;
type Values = Readonly<Record<string, string | number>>;

const CATALOGUES: Readonly<Record<string, Catalogue>> = { de: german };
/** The languages that can be chosen, by their own names. */
export const LANGUAGES: Readonly<Record<string, string>> = { en: "English", de: "Deutsch" };
/** Where a choice is kept: a language, or `pseudo` (long words) or `pseudo-rtl` (from right to left too). */
const CHOICE = "lgviz:language";

/** What the page around says that its language is, where it says so; else it stands in its root element. */
let around: string | null = null;

/** The language in use: what was chosen, else the page's (JupyterLab names its own there), else English. */
export const language = signal(preferred());

function preferred(): string {
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem(CHOICE);
  } catch {
    // A page that may not store anything has the page's language.
  }
  return chosen ?? ((around ?? document.documentElement.lang).slice(0, 2).toLowerCase() || "en");
}

/** Looks again for what was chosen, and for the page's language. */
export function readLanguage(): void {
  language.value = preferred();
}

/** Takes the language of the page around (`de-DE`). */
export function speakAs(code: string): void {
  around = code;
  readLanguage();
}

/** Takes a language for all debuggers; null: the page's again. */
export function chooseLanguage(code: string | null): void {
  try {
    if (code === null) localStorage.removeItem(CHOICE);
    else localStorage.setItem(CHOICE, code);
  } catch {
    // Then it holds for this page, until it is left.
  }
  language.value = code ?? preferred();
}

/** `t("Fork at {label}", { label })`: the text in the reader's language, with its values. */
export function t(text: string, values?: Values): string {
  const words = said(text);
  return values ? words.replace(HOLE, (whole, name: string) => String(values[name] ?? whole)) : words;
}

/** `tn("{n} branch", "{n} branches", n)`: by number. */
export function tn(one: string, many: string, n: number, values?: Values): string {
  return t(n === 1 ? one : many, { n: n.toLocaleString(locale()), ...values });
}

/** `tx("{label} changed it", { label: <b>c3</b> })`: a text with elements in it, in the order of the language. */
export function tx(text: string, values: Readonly<Record<string, ComponentChild>>): ComponentChild[] {
  return said(text)
    .split(HOLE)
    .map((part, i) => (i % 2 === 1 ? values[part] : part));
}

/** A sentence that Python told, with elements in its holes. A test reads Python's code for the catalogues. */
export const told: typeof tx = tx;

const HOLE = /\{(\w+)\}/g;

function said(text: string): string {
  const now = language.peek();
  if (now.startsWith("pseudo")) return pseudo(text);
  return CATALOGUES[now]?.[text] ?? text;
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

/** The locale for numbers. */
export function locale(): string {
  return language.peek() in CATALOGUES ? language.peek() : "en-US";
}

/** The locale for dates: a reader of English has the browser's, with its order of day and month. */
export function dateLocale(): string | undefined {
  return language.peek() in CATALOGUES ? language.peek() : undefined;
}

/** A number that was written with a point, as the language writes it. */
export function decimal(number: string): string {
  return language.peek() === "de" ? number.replace(".", ",") : number;
}

/** Whether text runs from right to left in the language in use. */
export function rightToLeft(): boolean {
  return ["ar", "he", "fa", "ur", "pseudo-rtl"].includes(language.peek());
}

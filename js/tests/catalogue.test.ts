// @vitest-environment node
// Every word of the source is in the catalogues, and nothing else is.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { german } from "../src/words/de";
import { said } from "./source";

/** The loader lies in every saved notebook, so that it has no catalogue; recordings are replayed to developers; a picture. */
const WITHOUT = /^src\/(protocol|words\/.*|lib\/words|loader|source\/embedded|lab\/icon)\.ts$/;
/** What is no word of a language: names of keys, fields and formats, code, fonts, selectors. */
const CODE = new Set([
  ..."esc|Home End|JSON|goto|configurable|context|context, configurable|namespace|key|value|ttl|id|v|v{}|→ v".split(
    "|",
  ),
  "users.ada",
  "len(messages) > 4",
  "len(messages)",
  '{"score": {"$gt": 9}}',
  "2026-01-31T12:00:00Z",
  "graph = builder.compile(checkpointer=saver, store=store)\nlgviz.debug(graph, store=store)",
]);
const STYLE = /^(input:not|textarea, |Inter, |ui-monospace, |\[data-lgviz)/;

const { keys, literal } = said(
  (file) => !WITHOUT.test(file),
  (text) => CODE.has(text) || STYLE.test(text),
);

/** The sentences that Python tells: in its code each is written out, as a Python test holds. */
const analysis = new URL("../../lgviz/analysis/", import.meta.url).pathname;
for (const file of readdirSync(analysis).filter((name) => name.endsWith(".py")))
  for (const [, text] of readFileSync(analysis + file, "utf8").matchAll(/\bsay\(\s*"([^"]+)"/g))
    if (text) keys.set(text, `lgviz/analysis/${file}`);

it("gives every word to the catalogues", () => expect(literal).toEqual([]));

describe.each(Object.entries({ german }))("the words in %s", (_name, catalogue: Record<string, string>) => {
  it("are there for every text", () => {
    const missing = [...keys].filter(([key]) => catalogue[key] === undefined);
    expect(missing.map(([key, place]) => `${place}: ${key}`)).toEqual([]);
  });

  it("are of texts that somebody says", () => {
    expect(Object.keys(catalogue).filter((key) => !keys.has(key))).toEqual([]);
  });

  it("have the values of the English", () => {
    const holes = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
    const wrong = Object.entries(catalogue).filter(([key, text]) => `${holes(key)}` !== `${holes(text)}`);
    expect(wrong).toEqual([]);
  });
});

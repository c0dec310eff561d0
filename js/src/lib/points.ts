// Texts counted as Python counts them: by characters, of which JavaScript takes some for two.

const PAIR = /[\ud800-\udbff][\udc00-\udfff]/;
const PAIRS = new RegExp(PAIR, "g");

/** How many characters a text has. */
export function sizeOf(text: string): number {
  return PAIR.test(text) ? Array.from(text).length : text.length;
}

/** The characters of a text from one place to another. */
export function sliceOf(text: string, from: number, to = Number.POSITIVE_INFINITY): string {
  return PAIR.test(text) ? Array.from(text).slice(from, to).join("") : text.slice(from, to);
}

/** The text with one unit for each of its characters, to find places in. */
export function flattened(text: string): string {
  return text.replace(PAIRS, "\u0001");
}

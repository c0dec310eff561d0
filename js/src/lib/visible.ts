// Characters that cannot be seen, or that turn what stands beside them, made visible: the one place that decides here.
// lgviz/_visible.py says the same in Python; tests/support/hidden_characters.json holds both to it.

/** But for tab and line feed; a carriage return where no line feed follows. */
const CONTROL = String.raw`\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029`;
const BIDI = String.raw`\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069`;
const INVISIBLE = String.raw`\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e001f}\u{e0080}-\u{e00ff}`;
/** Beside these a joiner shapes letters or emoji, as it should; anywhere else it hides. */
const SCRIPT = String.raw`\u0300-\u1fff\u2190-\u2bff\u2c80-\ufaff\ufb00-\ufeef\u{10000}-\u{dffff}`;
/** A tag belongs to a flag (U+1F3F4); by itself it is a text that nobody sees. */
const TAGS = String.raw`(?<![\u{1f3f4}\u{e0020}-\u{e007f}])[\u{e0020}-\u{e007f}]+`;
const JOINER = String.raw`(?<![${SCRIPT}])[\u200c\u200d]|[\u200c\u200d](?![${SCRIPT}])`;
const HIDDEN = new RegExp(`[${CONTROL}${BIDI}${INVISIBLE}]|\\r(?!\\n)|${JOINER}|${TAGS}`, "gu");
/** None of this is hidden, and nearly every text is this: no need to look closer. */
const ORDINARY = /^[\t\n -~]*$/;

/** The text with every character that hides, or turns what follows, written out, as `\u202e`. */
export function visible(text: string): string {
  return ORDINARY.test(text) ? text : text.replace(HIDDEN, written);
}

/** A text in pieces, every other one a name of what hides; null where nothing does. */
export function pieces(text: string): string[] | null {
  if (ORDINARY.test(text)) return null;
  const found: string[] = [];
  let end = 0;
  for (const match of text.matchAll(HIDDEN)) {
    found.push(text.slice(end, match.index), written(match[0]));
    end = match.index + match[0].length;
  }
  return end === 0 ? null : [...found, text.slice(end)];
}

function written(hidden: string): string {
  return [...hidden].map(name).join("");
}

function name(character: string): string {
  const code = character.codePointAt(0) as number;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

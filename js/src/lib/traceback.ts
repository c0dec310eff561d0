// A Python traceback as a person reads it: their own frames, those of libraries folded between them.

export interface Part {
  /** The text, with its line breaks. */
  text: string;
  /** How many frames of libraries it holds; 0 for own frames and what stands around them. */
  library: number;
}

const FRAME = /^ {2}(?:[ |]*)File "([^"]*)", line \d+/;
const LIBRARY =
  /[\\/](?:site|dist)-packages[\\/]|[\\/]lib[\\/]python\d|^<frozen |[\\/]Lib[\\/]|[\\/]lgviz[\\/](?:session|persistence|backend)[\\/]/;

/** The traceback in parts, neighbours of one kind together. */
export function parts(traceback: string): Part[] {
  const found: Part[] = [];
  let library = false;
  for (const line of traceback.replace(/\n$/, "").split("\n")) {
    const file = FRAME.exec(line)?.[1];
    // What belongs to a frame is indented further; anything else ends the frames.
    if (file !== undefined) library = LIBRARY.test(file);
    else if (!/^ {4}/.test(line)) library = false;
    const last = found.at(-1);
    if (last && last.library > 0 === library) {
      last.text += `\n${line}`;
      last.library += library && file !== undefined ? 1 : 0;
    } else found.push({ text: line, library: library ? 1 : 0 });
  }
  return found;
}

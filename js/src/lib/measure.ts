// Widths of text without asking the layout: a canvas measures, each text once.
import { visible } from "./visible";

/** By font, then by text. */
const known = new Map<string, Map<string, number>>();
let context: CanvasRenderingContext2D | null | undefined;

/** Pixels of `text` in a CSS font; a fair guess where no canvas can be had. */
export function textWidth(text: string, font: string): number {
  let ofFont = known.get(font);
  if (ofFont === undefined) {
    ofFont = new Map();
    known.set(font, ofFont);
  }
  let width = ofFont.get(text);
  if (width === undefined) {
    context ??= document.createElement("canvas").getContext("2d");
    if (context) {
      context.font = font;
      width = context.measureText(visible(text)).width;
    } else width = text.length * 7;
    if (ofFont.size > 20_000) ofFont.clear();
    ofFont.set(text, width);
  }
  return width;
}

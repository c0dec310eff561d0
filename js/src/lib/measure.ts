// Widths of text without asking the layout: a canvas measures, each text once.
import { visible } from "./visible";

const known = new Map<string, number>();
let context: CanvasRenderingContext2D | null | undefined;

/** Pixels of `text` in a CSS font; a fair guess where no canvas can be had. */
export function textWidth(text: string, font: string): number {
  const key = `${font}\n${text}`;
  let width = known.get(key);
  if (width === undefined) {
    context ??= document.createElement("canvas").getContext("2d");
    if (context) {
      context.font = font;
      width = context.measureText(visible(text)).width;
    } else width = text.length * 7;
    if (known.size > 20_000) known.clear();
    known.set(key, width);
  }
  return width;
}

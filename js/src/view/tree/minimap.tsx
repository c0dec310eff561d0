// The whole thread in a strip: heads, marks, hits, the selection and what is in view. A click goes there.

import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { t } from "../../lib/words";
import { Mark } from "../../protocol";
import { ROW_HEIGHT, type ViewState } from "../../state/view";

const WIDTH = 12;

export function Minimap({ view, scrollTo }: { view: ViewState; scrollTo(top: number): void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useSignalEffect(() => {
    view.height.value;
    view.dark.value;
    if (canvas.current) draw(canvas.current, view);
  });
  const jump = (event: PointerEvent) => {
    if (event.type === "pointermove" && event.buttons !== 1) return;
    const strip = event.currentTarget as HTMLElement;
    if (event.type === "pointerdown") strip.setPointerCapture(event.pointerId);
    const y = event.clientY - strip.getBoundingClientRect().top;
    scrollTo((y / scaleOf(view)) * ROW_HEIGHT - view.height.peek() / 2);
  };
  return (
    <div
      class="lgviz-minimap"
      aria-hidden="true"
      data-testid="lgviz-minimap"
      title={t("The whole thread: heads, selection, search hits")}
      onPointerDown={jump}
      onPointerMove={jump}
    >
      <canvas ref={canvas} />
      <Tick view={view} row={view.store.comparedRow.value} kind="compared" />
      <Tick view={view} row={view.store.selectedRow.value} kind="selected" />
      <Viewport view={view} />
    </div>
  );
}

/** Pixels of the strip for one row: never more than a row has, so that a short thread lies beside its rows. */
function scaleOf(view: ViewState): number {
  return Math.min(ROW_HEIGHT, view.height.peek() / Math.max(1, view.visible.peek().count));
}

/** One row, over the canvas: a walk moves it without drawing the whole thread anew. */
function Tick({ view, row, kind }: { view: ViewState; row: number; kind: "selected" | "compared" }) {
  view.height.value;
  const position = view.visible.value.positionOf(row);
  if (position < 0) return null;
  const y = Math.round((position + 0.5) * scaleOf(view) - 1);
  return <i class={`lgviz-tick-row is-${kind}`} style={{ transform: `translateY(${y}px)` }} />;
}

function Viewport({ view }: { view: ViewState }) {
  const height = view.height.value;
  const { count } = view.visible.value;
  if (count * ROW_HEIGHT <= height) return null;
  const scale = scaleOf(view) / ROW_HEIGHT;
  const size = Math.max(10, height * scale);
  const top = Math.min(view.scroll.value * scale, height - size);
  return <i class="lgviz-viewport" style={{ height: `${size}px`, transform: `translateY(${top}px)` }} />;
}

function draw(canvas: HTMLCanvasElement, view: ViewState): void {
  const { store } = view;
  store.revision.value;
  const tree = store.tree.value;
  const visible = view.visible.value;
  const hits = view.search.rows.value;
  const height = view.height.peek();
  const ratio = window.devicePixelRatio || 1;
  canvas.width = WIDTH * ratio;
  canvas.height = Math.max(1, height * ratio);
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  const scale = scaleOf(view);
  const style = getComputedStyle(canvas);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const colors = {
    lanes: [0, 1, 2, 3, 4, 5].map((lane) => color(`l${lane}`)),
    warn: color("warn"),
    error: color("del"),
  };
  // Where there are many: left the heads, right what failed or waits, and the fuller pixel is the stronger.
  const heads = new Strip(height, 3);
  const errors = new Strip(height, 7);
  const asks = new Strip(height, 7);
  for (let row = 0; row < tree.length; row++) {
    const flags = tree.flags[row] as number;
    const error = (flags & Mark.ERROR) !== 0;
    const ask = (flags & Mark.INTERRUPT) !== 0 && (flags & Mark.ANSWERED) === 0;
    const head = tree.isHead(row);
    if (!head && !error && !ask) continue;
    const y = (visible.positionOf(row) + 0.5) * scale;
    if (y < 0) continue;
    if (head) heads.add(y, colors.lanes[(tree.lane[row] as number) % 6] as string);
    if (error) errors.add(y, colors.error);
    else if (ask) asks.add(y, colors.warn);
  }
  for (const strip of [heads, asks, errors]) strip.draw(context);
  context.fillStyle = color("hit");
  for (const row of hits) {
    const position = visible.positionOf(row);
    if (position >= 0) context.fillRect(1, (position + 0.5) * scale - 1, 5, 2);
  }
}

/** Ticks gathered by pixel. */
class Strip {
  readonly #counts: Uint32Array;
  readonly #fills: string[] = [];
  readonly #x: number;
  #total = 0;
  #most = 1;

  constructor(height: number, x: number) {
    this.#counts = new Uint32Array(Math.ceil(height) + 1);
    this.#x = x;
  }

  add(y: number, fill: string): void {
    const pixel = Math.min(Math.floor(y), this.#counts.length - 1);
    const count = (this.#counts[pixel] as number) + 1;
    this.#counts[pixel] = count;
    this.#fills[pixel] = fill;
    this.#total++;
    if (count > this.#most) this.#most = count;
  }

  draw(context: CanvasRenderingContext2D): void {
    const thick = this.#total < this.#counts.length / 8 ? 3 : 1;
    for (let pixel = 0; pixel < this.#counts.length; pixel++) {
      const count = this.#counts[pixel] as number;
      if (count === 0) continue;
      context.globalAlpha = thick === 1 ? 0.15 + (0.75 * count) / this.#most : 1;
      context.fillStyle = this.#fills[pixel] as string;
      if (thick === 1) context.fillRect(this.#x, pixel, 3, 1);
      else context.fillRect(3, pixel - 1, 6, thick);
    }
    context.globalAlpha = 1;
  }
}

// The graph beside the rows: edges and dots of one window, in one SVG.
import type { ComponentChild } from "preact";
import { Mark } from "../../protocol";
import type { LaneIndex } from "../../state/lanes";
import type { TreeModel } from "../../state/tree";
import { ROW_HEIGHT } from "../../state/view";
import type { VisibleRows } from "../../state/visible";
import type { Slots } from "./slots";

const LEFT = 16;
const STEP = 15;
const WIDEST = 150;
const COLORS = 6;
const MIDDLE = ROW_HEIGHT / 2;
/** Heights are told from the start of a block of rows, so that what stays in a window that moves is not drawn anew. */
export const BLOCK = 256;
/** Where edges end that go on: beyond any window that starts in the block. */
const END = 2 * BLOCK * ROW_HEIGHT;

/** Where lanes are drawn: as wide as the thread needs, squeezed where that would be too wide. */
export class LaneScale {
  readonly #step: number;
  readonly #last: number;
  readonly width: number;
  readonly squeezed: boolean;

  constructor(max: number) {
    this.#step = max === 0 ? STEP : Math.min(STEP, Math.max(4, WIDEST / max));
    this.squeezed = this.#step < 8;
    this.#last = Math.min(max * this.#step, WIDEST);
    this.width = Math.round(LEFT + this.#last + 14);
  }

  x(lane: number): number {
    return LEFT + Math.min(lane * this.#step, this.#last);
  }
}

export interface LanesProps {
  tree: TreeModel;
  visible: VisibleRows;
  lanes: LaneIndex;
  scale: LaneScale;
  /** Positions of the window: first, and one past the last. */
  from: number;
  to: number;
  /** The position where the block starts. */
  origin: number;
  slots: Slots;
  /** Rushed past: lines alone. */
  lean: boolean;
}

export function Lanes({ tree, visible, lanes, scale, from, to, origin, slots, lean }: LanesProps) {
  const y = (row: number) => (visible.positionOf(row) - origin) * ROW_HEIGHT + MIDDLE;
  const edges: ComponentChild[] = [];
  const drawn = new Set<string>();
  const line = (key: string, d: string, lane: number, kind = "") => {
    // Lanes squeezed onto one another are drawn once.
    if (drawn.has(d)) return;
    drawn.add(d);
    edges.push(<path key={key} d={d} class={`lgviz-l${lane % COLORS} ${kind}`} />);
  };
  const low = visible.rowAt(to - 1);
  const high = visible.rowAt(from);
  if (low < 0 || high < 0) return null;
  lanes.query(tree, low, high, ({ child, parent }) => {
    const lane = tree.lane[child] as number;
    const x = scale.x(lane);
    const home = scale.x(tree.lane[parent] as number);
    const top = Math.max(0, y(child));
    const bottom = y(parent);
    const bend = bottom - MIDDLE;
    const end = Math.min(END, x === home ? bottom : bend);
    let d = top < end ? `M${x} ${top}V${end}` : "";
    if (x !== home && bend < END)
      d += `M${x} ${bend}C${x} ${bend + 12} ${home} ${bend + 3} ${home} ${bottom}`;
    // Where rows between are hidden, as one sees.
    const past = parent === tree.parent[child] ? "" : " is-past";
    if (d) line(`e${child}`, d, lane, held(tree, child) + past);
  });
  const dots: ComponentChild[] = [];
  for (let position = from; position < to; position++) {
    const row = visible.rowAt(position);
    const parent = lanes.parentOf(tree, row);
    const lane = tree.lane[row] as number;
    if (tree.depth[row] !== 0 && parent >= 0) {
      const bottom = Math.min(END, y(parent));
      line(`s${row}`, `M${scale.x(lane)} ${y(row)}V${bottom}`, lane, `is-inner ${held(tree, row)}`);
    }
    if (!lean) dots.push(dot(tree, row, slots.of(position), scale.x(lane), y(row)));
  }
  return (
    <svg class="lgviz-lanes" width={scale.width} height={ROW_HEIGHT} aria-hidden="true">
      <g class={scale.squeezed ? "lgviz-edges is-squeezed" : "lgviz-edges"}>{edges}</g>
      {dots}
    </svg>
  );
}

/** What a sandbox holds is drawn in dashes. */
function held(tree: TreeModel, row: number): string {
  return (tree.flags[row] as number) & Mark.SANDBOX ? "is-sandbox" : "";
}

function dot(tree: TreeModel, row: number, key: number, x: number, y: number): ComponentChild {
  const flags = tree.flags[row] as number;
  const color = `lgviz-l${(tree.lane[row] as number) % COLORS} ${held(tree, row)}`;
  if (flags & Mark.ERROR)
    return <circle key={key} cx={x} cy={y} r="5" class={`lgviz-dot is-error ${color}`} />;
  if (flags & Mark.INTERRUPT && !(flags & Mark.ANSWERED)) {
    return <circle key={key} cx={x} cy={y} r="5.2" class={`lgviz-dot is-ask ${color}`} />;
  }
  if (tree.depth[row] !== 0)
    return <circle key={key} cx={x} cy={y} r="3" class={`lgviz-dot is-inner ${color}`} />;
  if (flags & (Mark.UPDATE | Mark.FORK)) {
    return (
      <path
        key={key}
        d={`M${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}L${x - 6} ${y}Z`}
        class={`lgviz-dot is-update ${color}`}
      />
    );
  }
  if (flags & Mark.INTERRUPT)
    return <circle key={key} cx={x} cy={y} r="4.6" class={`lgviz-dot is-ring ${color}`} />;
  return <circle key={key} cx={x} cy={y} r="4.5" class={`lgviz-dot ${color}`} />;
}

// The graph beside the rows: edges and dots of one window, in one SVG.
import type { ComponentChild } from "preact";
import { Mark } from "../../protocol";
import type { LaneIndex } from "../../state/lanes";
import type { TreeModel } from "../../state/tree";
import { ROW_HEIGHT } from "../../state/view";
import type { VisibleRows } from "../../state/visible";

const LEFT = 16;
const STEP = 15;
const WIDEST = 150;
const COLORS = 6;
const MIDDLE = ROW_HEIGHT / 2;

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
}

export function Lanes({ tree, visible, lanes, scale, from, to }: LanesProps) {
  const height = (to - from) * ROW_HEIGHT;
  const y = (row: number) => (visible.positionOf(row) - from) * ROW_HEIGHT + MIDDLE;
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
    const end = Math.min(height, x === home ? bottom : bend);
    let d = top < end ? `M${x} ${top}V${end}` : "";
    if (x !== home && bend < height)
      d += `M${x} ${bend}C${x} ${bend + 12} ${home} ${bend + 3} ${home} ${bottom}`;
    if (d) line(`e${child}`, d, lane, held(tree, child));
  });
  const dots: ComponentChild[] = [];
  for (let position = from; position < to; position++) {
    const row = visible.rowAt(position);
    const parent = tree.parent[row] as number;
    const lane = tree.lane[row] as number;
    if (tree.depth[row] !== 0 && parent >= 0) {
      const bottom = Math.min(height, y(parent));
      line(`s${row}`, `M${scale.x(lane)} ${y(row)}V${bottom}`, lane, `is-inner ${held(tree, row)}`);
    }
    dots.push(dot(tree, row, scale.x(lane), y(row)));
  }
  return (
    <svg class="lgviz-lanes" width={scale.width} height={height} aria-hidden="true">
      <g class={scale.squeezed ? "lgviz-edges is-squeezed" : "lgviz-edges"}>{edges}</g>
      {dots}
    </svg>
  );
}

/** What a sandbox holds is drawn in dashes. */
function held(tree: TreeModel, row: number): string {
  return (tree.flags[row] as number) & Mark.SANDBOX ? "is-sandbox" : "";
}

function dot(tree: TreeModel, row: number, x: number, y: number): ComponentChild {
  const flags = tree.flags[row] as number;
  const color = `lgviz-l${(tree.lane[row] as number) % COLORS} ${held(tree, row)}`;
  if (flags & Mark.ERROR)
    return <circle key={row} cx={x} cy={y} r="5" class={`lgviz-dot is-error ${color}`} />;
  if (flags & Mark.INTERRUPT && !(flags & Mark.ANSWERED)) {
    return <circle key={row} cx={x} cy={y} r="5.2" class={`lgviz-dot is-ask ${color}`} />;
  }
  if (tree.depth[row] !== 0)
    return <circle key={row} cx={x} cy={y} r="3" class={`lgviz-dot is-inner ${color}`} />;
  if (flags & (Mark.UPDATE | Mark.FORK)) {
    return (
      <path
        key={row}
        d={`M${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}L${x - 6} ${y}Z`}
        class={`lgviz-dot is-update ${color}`}
      />
    );
  }
  if (flags & Mark.INTERRUPT)
    return <circle key={row} cx={x} cy={y} r="4.6" class={`lgviz-dot is-ring ${color}`} />;
  return <circle key={row} cx={x} cy={y} r="4.5" class={`lgviz-dot ${color}`} />;
}

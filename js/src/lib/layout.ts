// Where the nodes and edges of a compiled graph are drawn: dagre, in whichever direction fits the box better.
import { layout as dagre, Graph } from "@dagrejs/dagre";
import type { Topology, TopologyNode } from "../protocol";

export interface PlacedNode {
  node: TopologyNode;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PlacedEdge {
  source: string;
  target: string;
  conditional: boolean;
  label: string | null;
  path: string;
  /** The head of its arrow. */
  arrow: string;
}

export interface Drawing {
  direction: Direction;
  width: number;
  height: number;
  nodes: PlacedNode[];
  edges: PlacedEdge[];
}

type Direction = "LR" | "TB";
interface Point {
  x: number;
  y: number;
}

const CHARACTER = 6.7;
const HEIGHT = 24;
const MARGIN = 8;
export const LONGEST = 22;

/** The name as drawn: long ones keep both ends, since node names often differ in their last word. */
export function short(name: string): string {
  if (name.length <= LONGEST) return name;
  const half = (LONGEST - 1) / 2;
  return `${name.slice(0, Math.ceil(half))}…${name.slice(name.length - Math.floor(half))}`;
}

export function place(topology: Topology, direction: Direction): Drawing {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({
    rankdir: direction,
    nodesep: direction === "LR" ? 12 : 18,
    ranksep: direction === "LR" ? 34 : 24,
    edgesep: 8,
    marginx: MARGIN,
    marginy: MARGIN,
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of topology.nodes) {
    const terminal = node.kind === "start" || node.kind === "end";
    const width = terminal ? 16 : Math.max(44, short(node.name).length * CHARACTER + 18);
    graph.setNode(node.id, { width, height: HEIGHT });
  }
  topology.edges.forEach((edge, i) => {
    if (graph.hasNode(edge.source) && graph.hasNode(edge.target)) {
      graph.setEdge(edge.source, edge.target, {}, String(i));
    }
  });
  dagre(graph);
  const size = graph.graph() as { width?: number; height?: number };
  const nodes = topology.nodes.map((node) => {
    const at = graph.node(node.id) as Point & { width: number; height: number };
    return { node, x: at.x, y: at.y, width: at.width, height: at.height };
  });
  const boxes = new Map(nodes.map((placed) => [placed.node.id, placed]));
  const edges = topology.edges.flatMap((edge, i) => {
    const found = graph.edge({ v: edge.source, w: edge.target, name: String(i) }) as
      | { points?: Point[] }
      | undefined;
    const source = boxes.get(edge.source);
    const target = boxes.get(edge.target);
    if (!found?.points || !source || !target) return [];
    const points = fromSideToSide(found.points, source, target, direction);
    return [{ ...edge, path: curve(points, direction), arrow: arrow(points, direction) }];
  });
  return { direction, width: size.width ?? 0, height: size.height ?? 0, nodes, edges };
}

/** An edge that leads back keeps off the ones that lead on. */
const ASIDE = 6;

/** The points of an edge with its ends in the middle of the sides that face each other. */
function fromSideToSide(
  points: readonly Point[],
  source: PlacedNode,
  target: PlacedNode,
  direction: Direction,
): Point[] {
  if (source === target) return [...points];
  const middle = points.slice(1, -1);
  if (direction === "LR") {
    const sign = target.x >= source.x ? 1 : -1;
    const aside = sign > 0 ? 0 : ASIDE;
    const start = { x: source.x + (sign * source.width) / 2, y: source.y + aside };
    return [start, ...middle, { x: target.x - (sign * target.width) / 2, y: target.y + aside }];
  }
  const sign = target.y >= source.y ? 1 : -1;
  const aside = sign > 0 ? 0 : ASIDE;
  const start = { x: source.x + aside, y: source.y + (sign * source.height) / 2 };
  return [start, ...middle, { x: target.x + aside, y: target.y - (sign * target.height) / 2 }];
}

/** A smooth line through dagre's points that leaves and enters along the direction of the drawing. */
export function curve(points: readonly Point[], direction: Direction): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let path = `M${round(first.x)} ${round(first.y)}`;
  let last = first;
  for (const point of rest) {
    const [a, b] =
      direction === "LR"
        ? [
            { x: (last.x + point.x) / 2, y: last.y },
            { x: (last.x + point.x) / 2, y: point.y },
          ]
        : [
            { x: last.x, y: (last.y + point.y) / 2 },
            { x: point.x, y: (last.y + point.y) / 2 },
          ];
    path += `C${round(a.x)} ${round(a.y)} ${round(b.x)} ${round(b.y)} ${round(point.x)} ${round(point.y)}`;
    last = point;
  }
  return path;
}

/** The two strokes of an arrow's head; lines arrive straight, so it points along the direction. */
export function arrow(points: readonly Point[], direction: Direction): string {
  const end = points.at(-1);
  const before = points.at(-2);
  if (!end || !before) return "";
  if (direction === "LR") {
    const back = end.x >= before.x ? -5 : 5;
    return `M${round(end.x + back)} ${round(end.y - 3)}L${round(end.x)} ${round(end.y)}L${round(end.x + back)} ${round(end.y + 3)}`;
  }
  const back = end.y >= before.y ? -5 : 5;
  return `M${round(end.x - 3)} ${round(end.y + back)}L${round(end.x)} ${round(end.y)}L${round(end.x + 3)} ${round(end.y + back)}`;
}

function round(n: number): number {
  return Math.round(n * 10) / 10;
}

export const SMALLEST = 0.72;

/** Both drawings of a graph, made once. */
const drawings = new WeakMap<Topology, readonly [Drawing, Drawing]>();

function drawn(topology: Topology): readonly [Drawing, Drawing] {
  const known = drawings.get(topology) ?? ([place(topology, "LR"), place(topology, "TB")] as const);
  drawings.set(topology, known);
  return known;
}

interface Fit {
  drawing: Drawing;
  scale: number;
}

/** The drawing that is larger in the box, and its scale: at most `largest`, never too small to read (then it scrolls). */
export function bestFit(topology: Topology, width: number, height: number, largest = 1): Fit {
  const candidates = drawn(topology).map((drawing) => ({
    drawing,
    scale: Math.min(largest, width / drawing.width, height / drawing.height),
  }));
  const [lr, tb] = candidates as [Fit, Fit];
  const best = tb.scale > lr.scale * 1.15 ? tb : lr;
  return { drawing: best.drawing, scale: Math.max(SMALLEST, best.scale) };
}

/** Whether the whole graph can be seen in the box, large enough to read. */
export function fits(topology: Topology, width: number, height: number): boolean {
  const { drawing, scale } = bestFit(topology, width, height);
  return drawing.width * scale <= width + 1 && drawing.height * scale <= height + 1;
}

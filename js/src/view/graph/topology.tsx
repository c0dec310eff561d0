// The compiled graph as a drawing: what ran, what runs next, which node is chosen.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { choosable } from "../../lib/draft";
import { bestFit, type Drawing, type PlacedNode, short } from "../../lib/layout";
import { t } from "../../lib/words";
import type { AsNodeOption, Breakpoints, Topology as Graph, TopologyNode } from "../../protocol";

export interface Pick {
  options: readonly AsNodeOption[];
  chosen: string | null;
  choose(node: string): void;
}

/** Where runs stop, and how that is changed. */
export interface Halting {
  isSet(node: string, when: keyof Breakpoints): boolean;
  toggle(node: string, when: keyof Breakpoints): void;
}

/** A way from a node to another: taken, or still awaited. */
export interface Way {
  source: string;
  target: string;
  taken: boolean;
}

interface Props {
  topology: Graph;
  ran: readonly string[];
  next: readonly string[];
  running?: readonly string[];
  /** The ways that are set off. */
  ways?: readonly Way[];
  /** Height it may take before it scrolls. */
  height: number;
  /** The scale that it may be drawn at where there is room. */
  largest?: number;
  /** Clicking a node chooses it. */
  pick?: Pick;
  /** Nodes have a spot before and after them for a breakpoint. */
  halting?: Halting | undefined;
  /** What shows the graph inside a node; null where there is none. */
  enter?: (node: string) => (() => void) | null;
}

/** The compiled graph, small: what ran, what comes next; or, to pick a node from. */
export function Topology({
  topology,
  ran,
  next,
  running = [],
  ways = [],
  height,
  largest = 1,
  pick,
  halting,
  enter,
}: Props) {
  const [box, width] = useWidth();
  const { drawing, scale } = useMemo(
    () => bestFit(topology, width, height, largest),
    [topology, width, height, largest],
  );
  useInView(box, drawing, scale, pick?.chosen ?? running[0] ?? next[0] ?? ran[0] ?? null);
  const lit = (node: TopologyNode, names: readonly string[]) =>
    names.includes(node.id) || names.includes(node.name);
  return (
    <figure
      ref={box}
      class="lgviz-topology"
      style={{ maxHeight: `${height}px` }}
      aria-label={pick ? t("Choose the node in the graph") : t("The compiled graph")}
    >
      <div
        class="lgviz-topology-drawing"
        style={{ width: `${drawing.width * scale}px`, height: `${drawing.height * scale}px` }}
      >
        <div
          style={{ transform: `scale(${scale})`, width: `${drawing.width}px`, height: `${drawing.height}px` }}
        >
          <Edges drawing={drawing} ways={ways} />
          {drawing.nodes.map((placed) => (
            <Node
              key={placed.node.id}
              placed={placed}
              ran={lit(placed.node, ran)}
              next={lit(placed.node, next)}
              running={lit(placed.node, running)}
              pick={pick}
              enter={enter?.(placed.node.id) ?? null}
            />
          ))}
          {halting &&
            drawing.nodes
              .filter(({ node }) => node.kind === "node" || node.kind === "subgraph")
              .flatMap((placed) =>
                (["before", "after"] as const).map((when) => (
                  <Spot key={`${placed.node.id} ${when}`} {...{ placed, when, halting }} drawing={drawing} />
                )),
              )}
        </div>
      </div>
    </figure>
  );
}

function Edges({ drawing, ways }: { drawing: Drawing; ways: readonly Way[] }) {
  const look = (source: string, target: string) => {
    const way = ways.find((one) => one.source === source && one.target === target);
    return way && (way.taken ? "is-taken" : "is-awaited");
  };
  return (
    <svg width={drawing.width} height={drawing.height} aria-hidden="true">
      {drawing.edges.map((edge) => (
        <g
          key={`${edge.source} ${edge.target} ${edge.label ?? ""}`}
          class={look(edge.source, edge.target)}
          data-source={edge.source}
          data-target={edge.target}
        >
          <path d={edge.path} class={edge.conditional ? "is-conditional" : ""}>
            <title>{`${edge.source} → ${edge.target}${edge.label ? ` (${edge.label})` : ""}`}</title>
          </path>
          <path d={edge.arrow} />
        </g>
      ))}
    </svg>
  );
}

interface NodeProps {
  placed: PlacedNode;
  ran: boolean;
  next: boolean;
  running: boolean;
  pick: Pick | undefined;
  enter: (() => void) | null;
}

function Node({ placed, ran, next, running, pick, enter }: NodeProps) {
  const { node, x, y, width, height } = placed;
  const option = pick?.options.find((one) => one.node === node.id || one.node === node.name);
  const refused = pick ? refusal(option) : null;
  const chosen = pick !== undefined && option !== undefined && pick.chosen === option.node;
  const says = [ran && t("ran"), next && t("comes next"), running && t("at work")].filter(Boolean).join(", ");
  const classes = ["lgviz-graph-node", `is-${node.kind}`];
  if (ran) classes.push("is-ran");
  if (next) classes.push("is-next");
  if (running) classes.push("is-running");
  if (chosen) classes.push("is-chosen");
  const common = {
    class: classes.join(" "),
    style: {
      left: `${x - width / 2}px`,
      top: `${y - height / 2}px`,
      width: `${width}px`,
      height: `${height}px`,
    },
    "data-testid": "lgviz-topology-node",
    "data-node": node.id,
    "data-ran": ran,
    "data-next": next,
    "data-running": running,
  };
  const terminal = node.kind === "start" || node.kind === "end";
  const text = terminal ? <span class="lgviz-sr">{node.name}</span> : short(node.name);
  if (!pick && enter) {
    const inside = t("{node}: show the graph inside", { node: node.name });
    const name = says ? `${inside} (${says})` : inside;
    return (
      <button
        type="button"
        {...common}
        class={`${common.class} is-door`}
        aria-label={name}
        title={name}
        onClick={enter}
      >
        {text}
      </button>
    );
  }
  if (!pick) {
    return (
      <div
        {...common}
        role="img"
        aria-label={says ? `${node.name}, ${says}` : node.name}
        title={says ? `${node.name}: ${says}` : node.name}
      >
        {text}
      </div>
    );
  }
  const leads =
    option &&
    (option.next.length > 0
      ? t("then runs {nodes}", { nodes: option.next.join(", ") })
      : t("then the run ends"));
  return (
    <button
      type="button"
      {...common}
      // The list beside it says the same by keyboard, in one stop.
      tabIndex={-1}
      aria-pressed={chosen}
      aria-disabled={refused !== null}
      aria-label={node.name}
      aria-description={refused ?? leads}
      title={`${node.name}: ${refused ?? leads}`}
      onClick={() => {
        if (option && refused === null) pick.choose(option.node);
      }}
    >
      {text}
    </button>
  );
}

interface SpotProps {
  placed: PlacedNode;
  when: keyof Breakpoints;
  halting: Halting;
  drawing: Drawing;
}

/** Where a breakpoint before or after a node is set: on the side where its edges come in or go out. */
function Spot({ placed, when, halting, drawing }: SpotProps) {
  const { node, x, y, width, height } = placed;
  const side = when === "before" ? -1 : 1;
  const across = drawing.direction === "LR";
  const set = halting.isSet(node.id, when);
  const name =
    when === "before"
      ? t("Breakpoint before {node}", { node: node.name })
      : t("Breakpoint after {node}", { node: node.name });
  return (
    <button
      type="button"
      class="lgviz-breakpoint"
      data-testid="lgviz-breakpoint"
      data-node={node.id}
      data-when={when}
      aria-pressed={set}
      aria-label={name}
      title={set ? t("{name}: runs stop here", { name }) : name}
      style={{
        left: `${x + (across ? (side * width) / 2 : 0)}px`,
        top: `${y + (across ? 0 : (side * height) / 2)}px`,
      }}
      onClick={() => halting.toggle(node.id, when)}
    />
  );
}

function refusal(option: AsNodeOption | undefined): string | null {
  if (!option) return t("an update cannot be written as this node");
  return choosable(option) ? null : option.disabled;
}

/** Scroll a graph that is larger than its box to the node that matters now. */
function useInView(
  box: { current: HTMLElement | null },
  drawing: Drawing,
  scale: number,
  node: string | null,
): void {
  useEffect(() => {
    const element = box.current;
    const placed = drawing.nodes.find((one) => one.node.id === node || one.node.name === node);
    if (!element || !placed) return;
    element.scrollLeft = placed.x * scale - element.clientWidth / 2;
    element.scrollTop = placed.y * scale - element.clientHeight / 2;
  }, [box, drawing, scale, node]);
}

/** The width of an element, followed as it changes. */
function useWidth() {
  const box = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(300);
  useEffect(() => {
    const element = box.current;
    if (!element || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry && entry.contentRect.width > 0) setWidth(Math.round(entry.contentRect.width));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [box, width] as const;
}

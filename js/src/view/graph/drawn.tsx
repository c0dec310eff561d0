// The graph that a checkpoint belongs to, drawn: the root graph, or the subgraph; and the ways between them.
import { useEffect, useRef, useState } from "preact/hooks";
import { nodePath, nodeTowards } from "../../lib/namespace";
import { t } from "../../lib/words";
import type { CheckpointView, Topology as Graph } from "../../protocol";
import { atWork } from "../../state/live";
import type { Store } from "../../state/store";
import { Topology, type Way } from "./topology";

interface Props {
  store: Store;
  view: CheckpointView | undefined;
  /** The ways between nodes that are set off. */
  ways?: readonly Way[] | undefined;
}

export function DrawnGraph({ store, view, ways = [] }: Props) {
  const own = pathOf(store, view);
  const [path, show] = useState(own);
  useEffect(() => show(own), [view?.id, own]);
  const box = useRef<HTMLDivElement>(null);
  const topology = graphOf(store, path);
  if (!topology) return null;
  const go = (to: string) => {
    show(to);
    requestAnimationFrame(() => focusWay(box.current, path, to));
  };
  const isOwn = own === path && path === nodePath(view?.namespace ?? "");
  const names = (all: string[]) => {
    const inside = own !== path && nodeTowards(path, own);
    return isOwn ? all : inside ? [inside] : [];
  };
  const idOf = (node: string) => pointOf(store, path, node);
  return (
    <div class="lgviz-graph" ref={box}>
      {path !== "" && <WayOut path={path} show={go} />}
      <Topology
        topology={topology}
        ran={view ? names(view.nodes) : []}
        next={view && !store.predicting.on.value ? names(view.next) : []}
        running={atWork(store, path)}
        ways={isOwn ? ways : []}
        height={220}
        enter={(node) => {
          const inner = path === "" ? node : `${path}|${node}`;
          return graphOf(store, inner) ? () => go(inner) : null;
        }}
        halting={
          store.readOnly.value === null
            ? {
                isSet: (node, when) => store.breakpoints.value[when].includes(idOf(node)),
                toggle: (node, when) => void store.toggleBreakpoint(idOf(node), when),
              }
            : undefined
        }
      />
    </div>
  );
}

/** What was pressed is drawn no more: the focus goes to the way back, or to the node that was come from. */
function focusWay(box: HTMLElement | null, from: string, to: string): void {
  const inside = nodeTowards(to, from);
  const pressed = inside ? `.is-door[data-node="${CSS.escape(inside)}"]` : "nav>button:last-of-type";
  box?.querySelector<HTMLElement>(pressed)?.focus();
}

/** The graphs around the one that is drawn. */
function WayOut({ path, show }: { path: string; show(path: string): void }) {
  const names = path.split("|");
  return (
    <nav class="lgviz-graph-way" aria-label={t("Graphs around it")}>
      <button type="button" class="lgviz-link" onClick={() => show("")}>
        {t("whole graph")}
      </button>
      {names.map((name, index) => {
        const around = names.slice(0, index + 1).join("|");
        return (
          <>
            <span aria-hidden="true"> › </span>
            {around === path ? (
              <b aria-current="true">{name}</b>
            ) : (
              <button type="button" class="lgviz-link" onClick={() => show(around)}>
                {name}
              </button>
            )}
          </>
        );
      })}
    </nav>
  );
}

/** The path of the graph to draw for a checkpoint: its own where it can be drawn, else the nearest around it. */
function pathOf(store: Store, view: CheckpointView | undefined): string {
  let path = nodePath(view?.namespace ?? "");
  while (path !== "" && !graphOf(store, path)) path = path.split("|").slice(0, -1).join("|");
  return path;
}

/** The graph that a checkpoint belongs to. */
export function ownGraph(store: Store, view: CheckpointView | undefined): Graph | null {
  return graphOf(store, pathOf(store, view));
}

function graphOf(store: Store, path: string): Graph | null {
  return path === "" ? store.topology.value : (store.subgraphs.value[path] ?? null);
}

/** How a breakpoint's node is named: by its path; at the root alone where a subgraph has one of that name. */
function pointOf(store: Store, path: string, node: string): string {
  if (path !== "") return `${path}|${node}`;
  const inner = Object.values(store.subgraphs.value);
  return inner.some((graph) => graph.nodes.some((one) => one.id === node)) ? `|${node}` : node;
}

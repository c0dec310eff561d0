// The left panel: the graphs and savers of the running notebook's kernel, and their threads.
import { effect, type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { ago } from "../lib/format";
import { t, tn } from "../lib/words";
import type { ThreadPage } from "../protocol";
import { ProtocolError } from "../source/error";
import { KernelSource } from "../source/kernel";
import { StatusBadge } from "../view/top/picker";
import { ChevronDown } from "../view/ui/icons";
import { useId } from "../view/ui/id";
import { type KernelLink, type Variable, VariableChannel } from "./kernel";

/** Threads of a graph that are listed; the debugger has them all. */
const THREADS = 50;

/** The notebook in front: its kernel, and how a debugger is opened beside it. */
export interface Notebook {
  link: KernelLink;
  path: string;
  title: string;
  open(variable: string, thread: string | null): void;
}

export function Panel({ notebook }: { notebook: ReadonlySignal<Notebook | null> }) {
  const now = notebook.value;
  if (!now) return <Line>{t("Open a notebook: its graphs, savers and threads are listed here.")}</Line>;
  return <Kernel key={now.path} notebook={now} />;
}

function Line({ children, remedy }: { children: string; remedy?: string }) {
  return (
    <p class="lgviz-panel-line" role="status" data-testid="lgviz-panel-line">
      {children} {remedy && <b>{remedy}</b>}
    </p>
  );
}

function Kernel({ notebook }: { notebook: Notebook }) {
  const state = notebook.link.state.value;
  return (
    <>
      <h2 class="lgviz-panel-title" title={notebook.path}>
        {notebook.title}
      </h2>
      {state.is === "none" && <Line>{t("The notebook has no kernel.")}</Line>}
      {state.is === "waiting" && <Line>{t("The kernel starts, or is at work …")}</Line>}
      {state.is === "refused" && <Line remedy={state.remedy}>{state.cause}</Line>}
      {state.is === "ready" && state.variables.length === 0 && (
        <Line>{t("No graph with a checkpointer and no saver yet: run the cell that makes one.")}</Line>
      )}
      {state.is === "ready" && (
        <ul class="lgviz-panel-list" aria-label={t("Graphs and savers")}>
          {groupsOf(state.variables).map((group) => (
            <Entry key={group.graphs[0]?.name} notebook={notebook} {...group} />
          ))}
        </ul>
      )}
    </>
  );
}

/** What shares one saver, and so its threads. Without a graph, the saver stands in its place. */
interface Group {
  graphs: Variable[];
  /** The name that the saver has of its own beside its graphs. */
  saver: string | null;
}

function groupsOf(variables: readonly Variable[]): Group[] {
  const groups = new Map<number, Group>();
  for (const variable of variables) {
    const key = variable.saver ?? variable.key;
    const group = groups.get(key) ?? { graphs: [], saver: null };
    groups.set(key, group);
    if (variable.kind === "graph") group.graphs.push(variable);
    else group.saver = variable.name;
  }
  const savers = variables.filter(({ kind }) => kind === "saver");
  for (const saver of savers) {
    const group = groups.get(saver.saver ?? saver.key);
    if (group?.graphs.length === 0) Object.assign(group, { graphs: [saver], saver: null });
  }
  return [...groups.values()];
}

/** Graphs that share a saver, each with its button, and the saver's threads, once: one chooses which graph opens them. */
function Entry({ notebook, graphs, saver }: { notebook: Notebook } & Group) {
  const name = useId();
  const chosen = useSignal(graphs[0]?.name ?? "");
  const shown = graphs.find((graph) => graph.name === chosen.value) ?? graphs[0];
  const open = useSignal(shown?.kind === "graph");
  if (!shown) return null;
  const about = ({ kind, type }: Variable) =>
    kind === "saver" ? type : saver === null ? t("graph") : t("graph on {saver}", { saver });
  const debug = (graph: Variable) => (
    <button
      type="button"
      class="lgviz-btn"
      aria-label={t("Debug {name} beside the notebook", { name: graph.name })}
      onClick={() => notebook.open(graph.name, null)}
    >
      {t("Debug")}
    </button>
  );
  if (graphs.length > 1)
    return (
      <li>
        <fieldset class="lgviz-panel-shared">
          <legend>
            {t("{n} graphs share {saver}; threads open in:", {
              n: graphs.length,
              saver: saver ?? t("a saver"),
            })}
          </legend>
          {graphs.map((graph) => (
            <div
              key={graph.name}
              class="lgviz-panel-variable"
              data-testid="lgviz-panel-variable"
              data-name={graph.name}
            >
              <label class="lgviz-panel-choice" title={graph.type}>
                <input
                  type="radio"
                  name={name}
                  checked={graph === shown}
                  onChange={() => (chosen.value = graph.name)}
                />
                <b>{graph.name}</b>
                <span class="lgviz-mute">{t("graph")}</span>
              </label>
              {debug(graph)}
            </div>
          ))}
        </fieldset>
        <Threads notebook={notebook} variable={graphs[0]?.name ?? ""} within={shown.name} />
      </li>
    );
  return (
    <li data-testid="lgviz-panel-variable" data-name={shown.name}>
      <div class="lgviz-panel-variable">
        <button
          type="button"
          class="lgviz-panel-fold"
          aria-expanded={open.value}
          title={shown.type}
          onClick={() => (open.value = !open.value)}
        >
          <ChevronDown />
          <b>{shown.name}</b>
          <span class="lgviz-mute">{about(shown)}</span>
        </button>
        {debug(shown)}
      </div>
      {open.value && <Threads notebook={notebook} variable={shown.name} within={shown.name} />}
    </li>
  );
}

/** Threads as the saver of a variable has them; a click opens one in the graph that was chosen. */
function Threads({ notebook, variable, within }: { notebook: Notebook; variable: string; within: string }) {
  const page = useThreads(notebook.link, variable);
  if (page.value instanceof ProtocolError)
    return <Line remedy={page.value.remedy}>{page.value.message}</Line>;
  if (page.value === null) return null;
  const { threads, total } = page.value;
  return (
    <ul class="lgviz-panel-threads" aria-label={t("Threads of {name}", { name: within })}>
      {threads.map(({ thread_id, count, status, updated_at }) => (
        <li key={thread_id}>
          <button
            type="button"
            class="lgviz-panel-thread"
            data-testid="lgviz-panel-thread"
            title={t("Thread {name}", { name: thread_id })}
            onClick={() => notebook.open(within, thread_id)}
          >
            <b>{thread_id}</b>
            <span class="lgviz-mute">
              {[
                count !== null && tn("{n} checkpoint", "{n} checkpoints", count),
                updated_at !== null && ago(updated_at),
              ]
                .filter(Boolean)
                .join(" · ")}
            </span>
            <StatusBadge status={status} />
          </button>
        </li>
      ))}
      {total === 0 && <Line>{t("No thread yet.")}</Line>}
      {total > threads.length && (
        <Line>{tn("{n} more in the debugger.", "{n} more in the debugger.", total - threads.length)}</Line>
      )}
    </ul>
  );
}

/** The newest threads of a variable, again after each cell; null: not known yet. */
function useThreads(link: KernelLink, variable: string): ReadonlySignal<ThreadPage | ProtocolError | null> {
  const found = useSignal<ThreadPage | ProtocolError | null>(null);
  const [channel, source] = useMemo(() => {
    const channel = new VariableChannel(link, variable);
    return [channel, new KernelSource(channel)] as const;
  }, [link, variable]);
  useEffect(() => {
    const end = effect(() => {
      void link.state.value;
      void link.news.value;
      source.lose(channel.lost.value);
      if (channel.lost.value !== null) {
        found.value = new ProtocolError("gone", channel.lost.value);
        return;
      }
      source.request("threads_list", { query: "", after: null, limit: THREADS }).then(
        (page) => (found.value = page),
        (error) => (found.value = ProtocolError.of(error)),
      );
    });
    return () => {
      end();
      source.dispose();
      channel.close();
    };
  }, [link, channel, source, found]);
  return found;
}

// The bar over everything: thread, search, whether it is live, graph, menu.

import { statusName } from "../../lib/format";
import { still } from "../../lib/still";
import { t } from "../../lib/words";
import type { Store } from "../../state/store";
import type { ViewState } from "../../state/view";
import { FilterControl } from "../find/control";
import { GraphIcon, MaximiseIcon, StartIcon } from "../ui/icons";
import { Origin } from "../ui/lineage";
import { Menu } from "./menu";
import { Picker } from "./picker";
import { SearchBox } from "./search";

export function TopBar({ view }: { view: ViewState }) {
  const { store } = view;
  const shown = store.graphShown.value;
  const starts = store.panel.value === "start" && !store.starting.value.turn;
  return (
    <div class="lgviz-top">
      <Picker view={view} />
      <Origin store={store} />
      <SearchBox view={view} />
      {store.thread.value && <FilterControl view={view} />}
      {store.thread.value && <Live store={store} />}
      <Agents store={store} />
      {!still.value && (
        <button
          type="button"
          class="lgviz-btn"
          data-testid="lgviz-start"
          aria-pressed={starts}
          disabled={store.readOnly.value !== null}
          title={store.readOnly.value ?? t("Start a new thread")}
          onClick={() => (starts ? store.closeFork() : store.openStart({ turn: false, thread: null }))}
        >
          <StartIcon />
          {t("Start")}
        </button>
      )}
      <button
        type="button"
        class="lgviz-btn"
        data-testid="lgviz-graph-open"
        aria-pressed={shown}
        disabled={store.topology.value === null}
        title={
          store.topology.value
            ? t("Draw the compiled graph")
            : store.thread.value === null
              ? t("No thread is open yet")
              : t("Only a compiled graph can be drawn; a saver or a file has none")
        }
        onClick={() => {
          store.graphShown.value = !shown;
        }}
      >
        <GraphIcon />
        {t("Graph")}
      </button>
      {!still.value && (
        <button
          type="button"
          class="lgviz-btn is-icon"
          data-testid="lgviz-maximise"
          aria-pressed={view.maximised.value}
          aria-keyshortcuts="m"
          aria-label={view.maximised.value ? t("Back into the page") : t("Give it the whole window")}
          title={view.maximised.value ? t("Back into the page (m)") : t("Give it the whole window (m)")}
          onClick={() => {
            view.maximised.value = !view.maximised.value;
          }}
        >
          <MaximiseIcon />
        </button>
      )}
      <Menu view={view} />
    </div>
  );
}

/** Where coding agents look: one click shows the newest of it. */
function Agents({ store }: { store: Store }) {
  const id = store.agents.value.at(-1);
  const row = id === undefined ? -1 : store.tree.value.rowOf(id);
  if (id === undefined || row < 0) return null;
  return (
    <button
      type="button"
      class="lgviz-btn"
      data-testid="lgviz-agent"
      title={t("Show the checkpoint that a coding agent looks at")}
      onClick={() => store.select(id)}
    >
      {t("agent at {label}", { label: store.tree.value.labels[row] as string })}
    </button>
  );
}

/** Whether what is shown follows the source, and whether it may be acted on. */
function Live({ store }: { store: Store }) {
  const run = store.running.value;
  const readOnly = store.readOnly.value;
  const [kind, text] = store.lost.value
    ? ["gone", store.source.answers === "server" ? t("no server") : t("no kernel")]
    : store.gone.value
      ? ["gone", t("no answer")]
      : run
        ? ["running", statusName(run.status)]
        : readOnly
          ? ["readonly", still.value ? t("saved page") : t("read-only")]
          : ["live", t("live")];
  const what = store.description.value;
  return (
    <div class={`lgviz-live is-${kind}`} role="status" title={readOnly ? `${what}. ${readOnly}` : what}>
      <i aria-hidden="true" />
      {text}
    </div>
  );
}

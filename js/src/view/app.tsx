// The debugger: top bar, tree, inspector, and the keys that work in all of it.
import { useEffect, useRef } from "preact/hooks";
import { type Action, actionOf, placeOf } from "../lib/keyboard";
import { still } from "../lib/still";
import { locale, rightToLeft, t } from "../lib/words";
import { ProtocolError } from "../source/error";
import { ROW_HEIGHT, type ViewState } from "../state/view";
import { FilterBar } from "./find/filter";
import { Here } from "./find/here";
import { Scrub } from "./find/scrub";
import { Inspector } from "./inspector/inspector";
import { Present } from "./present/present";
import { Beginning } from "./start/alone";
import { focusOpener } from "./start/start";
import { Export } from "./top/export";
import { SandboxBar } from "./top/sandbox";
import { TopBar } from "./top/topbar";
import { LiveRows } from "./tree/live";
import { Minimap } from "./tree/minimap";
import { Tree } from "./tree/tree";
import { Watches } from "./tree/watch";
import "./ui/hidden";
import { toClipboard } from "./ui/copy";
import { focusPencil } from "./ui/edit";
import { useFocusHeld } from "./ui/focus";
import { Help } from "./ui/help";
import { useMaximised } from "./ui/maximise";
import { BottomEdge, Splitter } from "./ui/splitter";
import { Failing, KernelGone, Loading, NoKernel, Notices } from "./ui/states";

/** `height`: pixels; null: all of its place. */
export function App({ view, height }: { view: ViewState; height: number | null }) {
  const { store } = view;
  const root = useRef<HTMLDivElement>(null);
  useFocusKept(view, root);
  useFocusHeld(root, ".lgviz-inspector");
  useMaximised(view, root);
  useEffect(() => {
    view.root = root.current;
    if (view.refocus) view.focusTree();
    view.refocus = false;
  }, [view]);
  const phase = store.phase.value;
  const failure = store.failure.value;
  const shown = store.thread.value !== null && store.tree.value.length > 0;
  const starts = store.panel.value === "start" && !shown;
  const maximised = view.maximised.value;
  const tall = shown && height !== null ? (view.tall.value ?? height) : height;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys typed anywhere inside stay inside.
    <div
      ref={root}
      class={`lgviz${view.dark.value ? " lgviz-dark" : ""}${maximised ? " is-maximised" : ""}`}
      style={{ height: maximised ? "100dvh" : tall === null ? "100%" : `${tall}px` }}
      lang={locale()}
      dir={rightToLeft() ? "rtl" : "ltr"}
      data-testid="lgviz-root"
      data-lm-suppress-shortcuts="true"
      // A click beside everything must not give the notebook the keys.
      tabIndex={-1}
      onKeyDown={(event) => onKeyDown(view, event)}
      onAnimationStart={(event) => {
        if (event.animationName.startsWith("lgviz-attached")) view.attached.value++;
      }}
    >
      <div class="lgviz-frame">
        <TopBar view={view} />
        <KernelGone view={view} />
        {shown && phase !== "failed" && <SandboxBar view={view} />}
        {phase === "failed" && failure && failure.code !== "gone" && !starts ? (
          <Failing view={view} error={failure} />
        ) : !shown && (phase === "empty" || starts) ? (
          <Beginning view={view} />
        ) : !shown ? (
          store.lost.value === null ? (
            <Loading />
          ) : (
            <NoKernel view={view} />
          )
        ) : (
          <div
            class={phase === "loading" && !store.early.value ? "lgviz-body is-loading" : "lgviz-body"}
            style={{
              "--lgviz-split": `${view.split.value * 100}%`,
              "--lgviz-split-rows": `${view.splitRows.value * 100}%`,
            }}
            aria-busy={phase === "loading"}
          >
            <div class="lgviz-left">
              <FilterBar view={view} />
              <Minimap view={view} scrollTo={(top) => view.scrollTo(top)} />
              <LiveRows view={view} />
              <Tree view={view} />
              <Scrub view={view} />
              <Watches view={view} />
            </div>
            <Splitter view={view} />
            <Here.Provider value={view}>
              <Inspector store={store} />
            </Here.Provider>
          </div>
        )}
        <Notices view={view} />
        {shown && view.presenting.value && store.selected.value !== null && <Present view={view} />}
        {view.help.value && <Help view={view} />}
        {view.exporting.value && <Export view={view} />}
      </div>
      {shown && !maximised && !still.value && tall !== null && <BottomEdge view={view} height={tall} />}
    </div>
  );
}

function onKeyDown(view: ViewState, event: KeyboardEvent): void {
  // No key that is pressed in here reaches the notebook, where `dd` deletes a cell; but one may save it.
  event.stopPropagation();
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    passOn(view.root, event);
    return;
  }
  if (event.defaultPrevented || event.isComposing) return;
  const action = actionOf(event, placeOf(event.target));
  if (action === null || (view.presenting.peek() && !PRESENTED.has(action)) || !act(view, action, event))
    return;
  event.preventDefault();
}

/** What is behind is not acted on. */
const PRESENTED: ReadonlySet<Action> = new Set(["present", "help", "escape"]);

/** Hands a key to the notebook as if it had been pressed beside us. */
function passOn(root: HTMLElement | null, event: KeyboardEvent): void {
  event.preventDefault();
  const { key, code, ctrlKey, metaKey, shiftKey, altKey, keyCode } = event;
  const init = { key, code, ctrlKey, metaKey, shiftKey, altKey, keyCode, bubbles: true, cancelable: true };
  root?.parentElement?.dispatchEvent(new KeyboardEvent("keydown", init));
}

function act(view: ViewState, action: Action, event: KeyboardEvent): boolean {
  const { store } = view;
  const page = Math.max(1, Math.floor(view.height.peek() / ROW_HEIGHT) - 1);
  const walk = (by: number) => {
    view.walk(by, event.shiftKey);
    return true;
  };
  switch (action) {
    case "up":
      return walk(-1);
    case "down":
      return walk(1);
    case "pageUp":
      return walk(-page);
    case "pageDown":
      return walk(page);
    case "first":
      return walk(Number.NEGATIVE_INFINITY);
    case "last":
      return walk(Number.POSITIVE_INFINITY);
    case "parent":
      view.toParent();
      return true;
    case "child":
      view.toChild();
      return true;
    case "toggle":
      if (store.selectedRow.peek() >= 0) view.toggleAt(store.selectedRow.peek());
      return true;
    case "branch":
      if (view.find.kept.peek()) view.say(t("While checkpoints are filtered, no branch is folded"));
      else view.toggleBranch(view.find.branchStart());
      return true;
    case "filter":
      view.focus('[data-testid="lgviz-filter"]');
      view.root?.querySelector<HTMLElement>('[data-testid="lgviz-filter"][aria-expanded="false"]')?.click();
      return true;
    case "inspect":
      view.focusInspector();
      return true;
    case "search":
      view.focus('[data-testid="lgviz-search"]');
      return true;
    case "fork":
      if (still.peek()) return false;
      store.openFork();
      return true;
    case "start":
      if (still.peek()) return false;
      store.openStart({ turn: false, thread: null });
      return true;
    case "maximise":
      if (still.peek()) return false;
      view.maximised.value = !view.maximised.peek();
      return true;
    case "present":
      if (store.selected.peek() === null) return false;
      view.present(!view.presenting.peek());
      return true;
    case "copy":
      if (still.peek()) return false;
      void copySelection(view);
      return true;
    case "help":
      view.help.value = !view.help.peek();
      return true;
    case "escape":
      return retreat(view, event);
  }
}

/** Closes the nearest thing that is open; a second Escape the next. */
function retreat(view: ViewState, event: KeyboardEvent): boolean {
  const { store } = view;
  if (view.help.peek()) view.help.value = false;
  else if (view.exporting.peek()) view.exporting.value = false;
  else if (store.notice.peek()) store.notice.value = null;
  else if (view.presenting.peek()) view.present(false);
  else if (store.panel.peek()) {
    const part = store.panel.peek() === "fork" ? store.editing.peek() : null;
    const started = store.panel.peek() === "start";
    store.closeFork();
    if (started) focusOpener(view.root);
    else if (!part || !focusPencil(view.root, part)) view.focusTree();
  } else if (view.maximised.peek()) view.maximised.value = false;
  else if (placeOf(event.target) !== "tree" && event.target !== view.root) view.focusTree();
  else if (view.search.query.peek()) view.search.clear();
  else if (view.find.facets.peek().length > 0) view.find.clear();
  else if (store.ends.peek()) store.compare(null);
  else return false;
  return true;
}

async function copySelection(view: ViewState): Promise<void> {
  const { store } = view;
  const checkpoint = store.selected.peek();
  if (checkpoint === null) return;
  const other = store.compared.peek();
  try {
    const { code } = await store.source.request(
      "code_get",
      other === null ? { act: "select", checkpoint } : { act: "diff", checkpoint, other },
    );
    view.say((await toClipboard(code, view.root)) ? t("Copied as Python") : t("The clipboard is denied"));
  } catch (error) {
    const failure = ProtocolError.of(error);
    if (failure.code === "gone") view.say(failure.message);
    else store.report(error);
  }
}

/** A windowed notebook takes the cell out of the page and puts it back: the focus returns too. */
function useFocusKept(view: ViewState, root: { current: HTMLDivElement | null }): void {
  useEffect(() => {
    const element = root.current as HTMLDivElement;
    let last: HTMLElement | null = null;
    const onFocusIn = (event: FocusEvent) => {
      last = event.target instanceof HTMLElement ? event.target : null;
    };
    // Gone elsewhere on purpose, it stays there.
    const onElsewhere = (event: Event) => {
      if (!event.composedPath().includes(element)) last = null;
    };
    element.addEventListener("focusin", onFocusIn);
    document.addEventListener("focusin", onElsewhere);
    document.addEventListener("pointerdown", onElsewhere, true);
    const stop = view.attached.subscribe(() => {
      if (last?.isConnected && (document.activeElement === document.body || !document.activeElement)) {
        last.focus({ preventScroll: true });
      }
    });
    return () => {
      stop();
      element.removeEventListener("focusin", onFocusIn);
      document.removeEventListener("focusin", onElsewhere);
      document.removeEventListener("pointerdown", onElsewhere, true);
    };
  }, [view, root]);
}

// What the notebook around a display asks of it: its theme, no work while unseen, no second copy.
import { effect, untracked } from "@preact/signals";
import { type Linked, readLink } from "./lib/link";
import type { Store } from "./state/store";

/** Whether the page is dark: JupyterLab and Notebook 7, VS Code, Colab, then the system. */
export function isDark(page: Document = document): boolean {
  const body = page.body;
  const jupyter = body.dataset.jpThemeLight;
  if (jupyter !== undefined) return jupyter === "false";
  const code = body.dataset.vscodeThemeKind;
  if (code !== undefined) return code.includes("dark") || code === "vscode-high-contrast";
  if (body.classList.contains("vscode-dark") || body.classList.contains("vscode-high-contrast")) return true;
  if (body.classList.contains("vscode-light")) return false;
  const colab = page.documentElement.getAttribute("theme");
  if (colab !== null) return colab === "dark";
  return page.defaultView?.matchMedia("(prefers-color-scheme: dark)").matches ?? false;
}

/** Calls `apply` now and whenever it changes; the returned function ends that. */
export function followTheme(apply: (dark: boolean) => void): () => void {
  const update = () => apply(isDark());
  const observer = new MutationObserver(update);
  const attributeFilter = ["class", "theme", "data-jp-theme-light", "data-vscode-theme-kind"];
  observer.observe(document.body, { attributes: true, attributeFilter });
  observer.observe(document.documentElement, { attributes: true, attributeFilter });
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", update);
  update();
  return () => {
    observer.disconnect();
    system.removeEventListener("change", update);
  };
}

/** The address of the link that was followed on this page. */
const FOLLOWED = Symbol.for("lgviz.link");

/** Selects the checkpoint that a link to this page names, where its thread is shown; the returned function ends that. */
export function followLink(store: Store): () => void {
  const page = globalThis as { [FOLLOWED]?: string };
  const select = ({ thread, checkpoint }: Linked): boolean => {
    const tree = store.tree.peek();
    const row = Math.max(tree.rowOf(checkpoint), tree.rowOfLabel(checkpoint));
    if (store.thread.peek()?.thread_id !== thread || row < 0) return false;
    store.select(tree.ids[row] as string);
    return true;
  };
  // A notebook may have taken the fragment from the address since the page was opened.
  const [opened] = performance.getEntriesByType("navigation");
  const address = readLink(location.href) ? location.href : (opened?.name ?? "");
  const linked = address === page[FOLLOWED] ? null : readLink(address);
  let waits = linked !== null;
  const stop = effect(() => {
    if (!waits || linked === null || store.phase.value !== "ready" || store.early.value) return;
    waits = false;
    untracked(() => {
      if (select(linked)) page[FOLLOWED] = address;
    });
  });
  const onHash = () => {
    const now = readLink(location.href);
    if (now) select(now);
  };
  window.addEventListener("hashchange", onHash);
  return () => {
    stop();
    window.removeEventListener("hashchange", onHash);
  };
}

const PAUSE = 700;

/** Refreshes the store while `element` is in view and the page is not hidden; the returned function ends that. It rests for as
 *  long as a look took: a source that is slow to look at is not kept at work. */
export function poll(store: Store, element: Element, pause = PAUSE): () => void {
  let inView = true;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;
  const tick = async () => {
    const began = performance.now();
    if (inView && !document.hidden) await store.refresh();
    if (!ended) timer = setTimeout(tick, Math.max(pause, performance.now() - began));
  };
  const observer = new IntersectionObserver((entries) => {
    inView = entries.at(-1)?.isIntersecting ?? inView;
  });
  observer.observe(element);
  timer = setTimeout(tick, pause);
  return () => {
    ended = true;
    clearTimeout(timer);
    observer.disconnect();
  };
}

/** Hides the static output of a debugger; the returned function shows it again. */
export function hideStatic(uid: string): () => void {
  if (uid === "") return () => {};
  const style = document.createElement("style");
  style.textContent = `[data-lgviz-static="${CSS.escape(uid)}"] { display: none !important; }`;
  document.head.append(style);
  return () => style.remove();
}

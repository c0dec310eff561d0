// Whether a kernel still answers a widget, by whatever the front end tells of it.
//
// Every front end's model says that its comm is live or not; JupyterLab and Notebook tell besides what becomes of the
// kernel. Where nothing is told, a request that nobody answers is what remains (KernelSource).
import { t } from "../lib/words";
import type { KernelSource } from "./kernel";

const RESTARTED = () => t("The kernel was restarted: run the cell again to go on.");
const REVIVED = () => t("The kernel died and was restarted: run the cell again to go on.");
const DIED = () => t("The kernel died: restart it and run the cell again to go on.");
const SHUT_DOWN = () => t("The kernel was shut down: start it and run the cell again to go on.");
const NONE = () => t("This debugger has no kernel: run the cell again to go on.");
const OFFLINE = () =>
  t("The connection to the kernel is lost: it goes on once the notebook is connected again.");

/** What becomes of a kernel, in JupyterLab's words. */
const ENDS: Record<string, () => string> = {
  restarting: RESTARTED,
  autorestarting: REVIVED,
  dead: DIED,
  terminating: SHUT_DOWN,
};

interface Signal<T> {
  connect(slot: (sender: unknown, args: T) => void): void;
  disconnect(slot: (sender: unknown, args: T) => void): void;
}

/** What of JupyterLab's kernel connection is used, where there is one. */
interface Kernel {
  statusChanged: Signal<string>;
  connectionStatusChanged: Signal<string>;
  disposed: Signal<unknown>;
  requestCommInfo(content: { target_name: string }): Promise<{ content: { comms?: object } }>;
}

/** The model itself, which anywidget's stands for. */
interface InnerModel {
  comm_live?: boolean;
}

/** What of anywidget's model is used here. */
export interface WatchedModel {
  get(name: "uid"): string;
  on(event: "comm_live_update", listener: () => void): void;
  off(event: "comm_live_update", listener: () => void): void;
  widget_manager?: { get_model?(id: string): Promise<unknown>; kernel?: Kernel | null };
}

/** How the kernel of a model ended: a display that is made later is told nothing any more. */
const ended = new WeakMap<object, () => string>();

/** Tells the source when the kernel is gone, and when it is back; the returned function ends that. */
export function watchKernel(model: WatchedModel, source: KernelSource): () => void {
  const id = model.get("uid");
  const kernel = model.widget_manager?.kernel ?? null;
  let inner: InnerModel = {};
  let offline = false;
  const tell = () => {
    const end = ended.get(inner) ?? (inner.comm_live === false ? NONE : offline ? OFFLINE : null);
    source.lose(end?.() ?? null);
  };
  const end = (why: () => string) => {
    if (!ended.has(inner)) ended.set(inner, why);
    tell();
  };
  const onLive = () => {
    if (inner.comm_live === false) return end(RESTARTED);
    ended.delete(inner);
    tell();
  };
  const onStatus = (_kernel: unknown, status: string) => {
    const why = ENDS[status];
    if (why) end(why);
  };
  const onConnection = (_kernel: unknown, status: string) => {
    offline = status !== "connected";
    tell();
    if (!offline) void askForComm();
  };
  const onDisposed = () => end(SHUT_DOWN);
  // A kernel that was restarted while nobody listened no longer knows the widget.
  const askForComm = async () => {
    try {
      const { content } = (await kernel?.requestCommInfo({ target_name: "jupyter.widget" })) ?? {};
      if (content?.comms && !(id in content.comms)) end(RESTARTED);
    } catch {
      // Then it is not connected after all, and says so.
    }
  };
  model.on("comm_live_update", onLive);
  kernel?.statusChanged?.connect(onStatus);
  kernel?.connectionStatusChanged?.connect(onConnection);
  kernel?.disposed?.connect(onDisposed);
  void Promise.resolve(model.widget_manager?.get_model?.(id)).then(
    (found) => {
      inner = (found as InnerModel) ?? inner;
      tell();
    },
    () => {},
  );
  return () => {
    model.off("comm_live_update", onLive);
    kernel?.statusChanged?.disconnect(onStatus);
    kernel?.connectionStatusChanged?.disconnect(onConnection);
    kernel?.disposed?.disconnect(onDisposed);
  };
}

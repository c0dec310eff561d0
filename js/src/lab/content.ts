// A place of JupyterLab that holds a debugger: the code of it is fetched when the first one is shown.
import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { DocumentRegistry } from "@jupyterlab/docregistry";
import type { IStateDB } from "@jupyterlab/statedb";
import { Widget } from "@lumino/widgets";
import { t } from "../lib/words";
import { ProtocolError } from "../source/error";
import { NotShown } from "../source/server";
import type { Way } from "./debugger";
import { serverOf } from "./server";
import { agentMarked } from "./settings";
import { type Kept, keptFor } from "./state";

/** JupyterLab's own, of the document in front. */
const DOWNLOAD = "docmanager:download";

/** The debugger of the file that a context names. */
export class DebuggerContent extends Widget {
  readonly #app: JupyterFrontEnd;
  readonly #context: DocumentRegistry.Context;
  readonly #factory: string;
  readonly #db: IStateDB | null;
  #close = () => {};
  readonly #unfollow: () => void;
  #kept: Kept | null = null;
  /** Counts what is shown: what comes late of an earlier one is let go. */
  #times = 0;

  constructor(app: JupyterFrontEnd, context: DocumentRegistry.Context, factory: string, db: IStateDB | null) {
    super();
    this.#app = app;
    this.#context = context;
    this.#factory = factory;
    this.#db = db;
    this.addClass("lgviz-document");
    this.node.style.height = "100%";
    void context.ready.then(() => this.#show());
    context.pathChanged.connect(() => void this.#show());
    let marked = agentMarked.peek();
    this.#unfollow = agentMarked.subscribe((now) => {
      if (now !== marked && context.isReady) void this.#show();
      marked = now;
    });
  }

  override dispose(): void {
    this.#unfollow();
    this.#close();
    super.dispose();
  }

  async #show(): Promise<void> {
    if (this.isDisposed) return;
    const time = ++this.#times;
    const isNow = () => !this.isDisposed && time === this.#times;
    // Not at once: closing may take the focus along, and JupyterLab takes a tab's name that lags behind for a wish to rename.
    const { showDocument, showRefusal } = await import("./debugger");
    if (!isNow()) return;
    this.#close();
    this.#close = () => {};
    const { serverSettings } = this.#app.serviceManager;
    const path = this.#context.localPath;
    try {
      this.#checkDrive();
      this.#kept = await keptFor(path, this.#db, this.#kept);
      const wanted = { path, agent: agentMarked.peek() };
      const server = serverOf(serverSettings);
      const shown = await showDocument(this.node, server, wanted, this.#kept.shared, isNow);
      if (shown) this.#close = shown.close;
    } catch (error) {
      if (!isNow()) return;
      const failure = ProtocolError.of(error);
      this.#close = showRefusal(this.node, failure, this.#elsewhere(failure), () => void this.#show());
    }
  }

  /** The server reads its own disk alone, which is what JupyterLab's drive without a name shows, and its shared one. */
  #checkDrive(): void {
    const drive = this.#app.serviceManager.contents.driveName(this.#context.path);
    if (drive === "" || drive === "RTC") return;
    const cause = t("It lies on the drive {drive}, not on the server's disk.", { drive });
    throw new NotShown({ cause, remedy: t("Copy it to the server, or open it in a notebook.") });
  }

  /** The other ways to open the file, and to take it along; a database is no text. */
  #elsewhere(failure: ProtocolError): Way[] {
    if (!(failure instanceof NotShown)) return [];
    const { commands, docRegistry } = this.#app;
    const { path } = this.#context;
    const isDatabase = failure.kind === "NoCheckpoints";
    const ways: Way[] = docRegistry
      .preferredWidgetFactories(path)
      .filter(({ name, fileTypes }) => name !== this.#factory && !(isDatabase && fileTypes.includes("*")))
      .map(({ name, label }) => ({
        label: t("Open with {name}", { name: label ?? name }),
        open: () => void commands.execute("docmanager:open", { path, factory: name }),
      }));
    if (commands.hasCommand(DOWNLOAD) && failure.kind !== "MissingFile")
      ways.push({ label: commands.label(DOWNLOAD), open: () => void commands.execute(DOWNLOAD) });
    return ways;
  }
}

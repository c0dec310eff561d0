// A place of JupyterLab that holds a debugger: the code of it is fetched when the first one is shown.
import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { DocumentRegistry } from "@jupyterlab/docregistry";
import type { IStateDB } from "@jupyterlab/statedb";
import { Widget } from "@lumino/widgets";
import { t } from "../lib/words";
import { ProtocolError } from "../source/error";
import { NotShown } from "../source/server";
import { serverOf } from "./server";
import { keptFor } from "./state";

/** The debugger of the file that a context names. */
export class DebuggerContent extends Widget {
  readonly #app: JupyterFrontEnd;
  readonly #context: DocumentRegistry.Context;
  readonly #factory: string;
  readonly #db: IStateDB | null;
  #close = () => {};

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
  }

  override dispose(): void {
    this.#close();
    super.dispose();
  }

  async #show(): Promise<void> {
    if (this.isDisposed) return;
    this.#close();
    const { showDocument, showRefusal } = await import("./debugger");
    const { serverSettings } = this.#app.serviceManager;
    const path = this.#context.localPath;
    try {
      this.#checkDrive();
      const kept = await keptFor(path, this.#db);
      this.#close = (await showDocument(this.node, serverOf(serverSettings), path, kept)).close;
      if (this.isDisposed) this.#close();
    } catch (error) {
      if (this.isDisposed) return;
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

  /** The other ways to open the file; a database is no text. */
  #elsewhere(failure: ProtocolError): { name: string; open(): void }[] {
    if (!(failure instanceof NotShown)) return [];
    const { path } = this.#context;
    const database = failure.kind === "NoCheckpoints";
    return this.#app.docRegistry
      .preferredWidgetFactories(path)
      .filter(({ name, fileTypes }) => name !== this.#factory && !(database && fileTypes.includes("*")))
      .map(({ name, label }) => ({
        name: label ?? name,
        open: () => void this.#app.commands.execute("docmanager:open", { path, factory: name }),
      }));
  }
}

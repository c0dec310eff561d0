// Double-click, or "Open With", on a file of checkpoints: the debugger as its document.
import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, WidgetTracker } from "@jupyterlab/apputils";
import { IDocumentManager } from "@jupyterlab/docmanager";
import {
  ABCWidgetFactory,
  type DocumentRegistry,
  DocumentWidget,
  type IDocumentWidget,
} from "@jupyterlab/docregistry";
import { FileDialog, IDefaultFileBrowser } from "@jupyterlab/filebrowser";
import { ILauncher } from "@jupyterlab/launcher";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { IStateDB } from "@jupyterlab/statedb";
import { ITranslator } from "@jupyterlab/translation";
import { t } from "../lib/words";
import { DebuggerContent } from "./content";
import { icon } from "./icon";
import { MODEL, NamedModelFactory } from "./model";
import { byDoubleClick, followSettings, SETTINGS } from "./settings";
import { speak } from "./words";

const FACTORY = "Checkpoints";
const TYPE = "lgviz-checkpoints";
const OPEN = "lgviz:open";
const ENDINGS = [".db", ".sqlite", ".sqlite3", ".lgviz"];

type Opened = IDocumentWidget<DebuggerContent>;

class Factory extends ABCWidgetFactory<Opened> {
  readonly #app: JupyterFrontEnd;
  readonly #db: IStateDB | null;

  constructor(
    app: JupyterFrontEnd,
    db: IStateDB | null,
    options: DocumentRegistry.IWidgetFactoryOptions<Opened>,
  ) {
    super(options);
    this.#app = app;
    this.#db = db;
  }

  protected createNewWidget(context: DocumentRegistry.Context): Opened {
    const content = new DebuggerContent(this.#app, context, FACTORY, this.#db);
    const widget = new DocumentWidget({ content, context });
    widget.title.icon = icon;
    widget.toolbar.hide();
    return widget;
  }
}

/** Asks for a file, and opens it. */
async function choose(app: JupyterFrontEnd, manager: IDocumentManager, folder: string): Promise<void> {
  const { value } = await FileDialog.getOpenFiles({
    manager,
    title: t("Open a Database of Checkpoints"),
    defaultPath: folder,
    filter: ({ type, name }) =>
      type === "directory" || ENDINGS.some((end) => name.toLowerCase().endsWith(end)) ? {} : null,
  });
  for (const { path, type } of value ?? []) {
    if (type !== "directory") await app.commands.execute("docmanager:open", { path, factory: FACTORY });
  }
}

export const documents: JupyterFrontEndPlugin<void> = {
  id: SETTINGS,
  autoStart: true,
  requires: [IDocumentManager],
  optional: [
    ILayoutRestorer,
    ISettingRegistry,
    IStateDB,
    ICommandPalette,
    ILauncher,
    IDefaultFileBrowser,
    ITranslator,
  ],
  activate(
    app: JupyterFrontEnd,
    manager: IDocumentManager,
    restorer: ILayoutRestorer | null,
    settings: ISettingRegistry | null,
    db: IStateDB | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    browser: IDefaultFileBrowser | null,
    translator: ITranslator | null,
  ) {
    speak(translator);
    const { docRegistry } = app;
    docRegistry.addModelFactory(new NamedModelFactory());
    docRegistry.addFileType({
      name: TYPE,
      displayName: t("Checkpoints"),
      extensions: ENDINGS,
      mimeTypes: ["application/vnd.sqlite3"],
      contentType: "file",
      fileFormat: "base64",
      icon,
    });
    const tracker = new WidgetTracker<Opened>({ namespace: "lgviz-documents" });
    const register = (asDefault: boolean) => {
      const factory = new Factory(app, db, {
        name: FACTORY,
        label: t("Checkpoints"),
        modelName: MODEL,
        fileTypes: [TYPE],
        defaultFor: asDefault ? [TYPE] : [],
        readOnly: true,
      });
      factory.widgetCreated.connect((_, widget) => {
        widget.context.pathChanged.connect(() => void tracker.save(widget));
        void tracker.add(widget);
      });
      return docRegistry.addWidgetFactory(factory);
    };
    let registered = register(true);
    let now = true;
    byDoubleClick.subscribe((wanted) => {
      if (wanted === now) return;
      registered.dispose();
      registered = register(wanted);
      now = wanted;
    });
    if (settings) followSettings(settings);
    app.commands.addCommand(OPEN, {
      label: ({ isLauncher }) => (isLauncher ? t("Checkpoints") : t("Open a Database of Checkpoints…")),
      caption: t("Open a database or a bundle of LangGraph's checkpoints in the debugger"),
      icon,
      execute: () => choose(app, manager, browser?.model.path ?? ""),
    });
    palette?.addItem({ command: OPEN, category: "LangGraph" });
    launcher?.add({
      command: OPEN,
      args: { isLauncher: true },
      category: translator?.load("jupyterlab").__("Other") ?? "Other",
      rank: 10,
    });
    void restorer?.restore(tracker, {
      command: "docmanager:open",
      args: ({ context }) => ({ path: context.path, factory: FACTORY }),
      name: ({ context }) => context.path,
    });
  },
};

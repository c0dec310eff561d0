// Double-click, or "Open With", on a file of checkpoints: the debugger as its document.
import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { WidgetTracker } from "@jupyterlab/apputils";
import {
  ABCWidgetFactory,
  type DocumentRegistry,
  DocumentWidget,
  type IDocumentWidget,
} from "@jupyterlab/docregistry";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { DebuggerContent } from "./content";
import { icon } from "./icon";
import { MODEL, NamedModelFactory } from "./model";

const ID = "lgviz:documents";
const FACTORY = "Checkpoints";
const TYPE = "lgviz-checkpoints";
const ENDINGS = [".db", ".sqlite", ".sqlite3", ".lgviz"];

type Opened = IDocumentWidget<DebuggerContent>;

class Factory extends ABCWidgetFactory<Opened> {
  readonly #app: JupyterFrontEnd;

  constructor(app: JupyterFrontEnd, options: DocumentRegistry.IWidgetFactoryOptions<Opened>) {
    super(options);
    this.#app = app;
  }

  protected createNewWidget(context: DocumentRegistry.Context): Opened {
    const content = new DebuggerContent(this.#app, context, FACTORY);
    const widget = new DocumentWidget({ content, context });
    widget.title.icon = icon;
    widget.toolbar.hide();
    return widget;
  }
}

export const documents: JupyterFrontEndPlugin<void> = {
  id: ID,
  autoStart: true,
  optional: [ILayoutRestorer, ISettingRegistry],
  activate(app: JupyterFrontEnd, restorer: ILayoutRestorer | null, settings: ISettingRegistry | null) {
    const { docRegistry } = app;
    docRegistry.addModelFactory(new NamedModelFactory());
    docRegistry.addFileType({
      name: TYPE,
      displayName: "Checkpoints",
      extensions: ENDINGS,
      mimeTypes: ["application/vnd.sqlite3"],
      contentType: "file",
      fileFormat: "base64",
      icon,
    });
    const tracker = new WidgetTracker<Opened>({ namespace: "lgviz-documents" });
    const register = (byDoubleClick: boolean) => {
      const factory = new Factory(app, {
        name: FACTORY,
        modelName: MODEL,
        fileTypes: [TYPE],
        defaultFor: byDoubleClick ? [TYPE] : [],
        readOnly: true,
      });
      factory.widgetCreated.connect((_, widget) => {
        widget.context.pathChanged.connect(() => void tracker.save(widget));
        void tracker.add(widget);
      });
      return docRegistry.addWidgetFactory(factory);
    };
    let registered = register(true);
    void settings?.load(ID).then((loaded) => {
      let now = true;
      const apply = () => {
        const wanted = loaded.composite.doubleClick !== false;
        if (wanted === now) return;
        registered.dispose();
        registered = register(wanted);
        now = wanted;
      };
      loaded.changed.connect(apply);
      apply();
    });
    void restorer?.restore(tracker, {
      command: "docmanager:open",
      args: ({ context }) => ({ path: context.path, factory: FACTORY }),
      name: ({ context }) => context.path,
    });
  },
};

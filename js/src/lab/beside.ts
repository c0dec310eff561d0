// The left panel, and the debugger of a variable of the kernel, beside its notebook.
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin,
} from "@jupyterlab/application";
import { ICommandPalette, MainAreaWidget, WidgetTracker } from "@jupyterlab/apputils";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import { ITranslator } from "@jupyterlab/translation";
import { Widget } from "@lumino/widgets";
import { type Signal, signal } from "@preact/signals";
import { t } from "../lib/words";
import { icon } from "./icon";
import { KernelLink } from "./kernel";
import type { Notebook } from "./panel";
import { speak } from "./words";

const PANEL = "lgviz-panel";
const DEBUG = "lgviz:debug-variable";
const SHOW = "lgviz:show-panel";

/** The left panel. Kernels are asked only once it is seen. */
class PanelWidget extends Widget {
  readonly seen = signal(false);
  readonly #notebook: Signal<Notebook | null>;
  #close = () => {};

  constructor(notebook: Signal<Notebook | null>) {
    super();
    this.#notebook = notebook;
    this.id = PANEL;
    this.title.icon = icon;
    this.title.caption = t("LangGraph: graphs and threads of the notebook");
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", this.title.caption);
  }

  protected override onAfterShow(): void {
    if (this.seen.value) return;
    this.seen.value = true;
    void import("./debugger").then(({ showPanel }) => {
      if (!this.isDisposed) this.#close = showPanel(this.node, this.#notebook);
    });
  }

  override dispose(): void {
    this.#close();
    super.dispose();
  }
}

/** Where a debugger of a variable is, or will be once the notebook is open. */
class VariableContent extends Widget {
  /** Of the notebook, which may be renamed. */
  path: string;
  readonly variable: string;
  thread: string | null;
  #openThread = (_thread: string) => {};
  #close = () => {};

  constructor(path: string, variable: string, thread: string | null) {
    super();
    this.path = path;
    this.variable = variable;
    this.thread = thread;
    this.node.style.height = "100%";
    this.title.icon = icon;
    this.title.label = variable;
    this.title.caption = path;
  }

  /** Shows what the variable holds, in the kernel that is linked to. */
  async showOf(link: KernelLink, chosen: () => void): Promise<void> {
    const { showVariable } = await import("./debugger");
    if (this.isDisposed) return;
    this.#close();
    const shown = showVariable(this.node, link, this.variable, this.thread, (thread) => {
      this.thread = thread;
      this.title.label = `${this.variable} · ${thread}`;
      chosen();
    });
    this.#close = shown.close;
    this.#openThread = shown.openThread;
  }

  openThread(thread: string | null): void {
    if (thread !== null) this.#openThread(thread);
  }

  override dispose(): void {
    this.#close();
    super.dispose();
  }
}

export const beside: JupyterFrontEndPlugin<void> = {
  id: "lgviz:beside",
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ILayoutRestorer, ICommandPalette, ITranslator, ILabShell],
  activate(
    app: JupyterFrontEnd,
    notebooks: INotebookTracker,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null,
    lab: ILabShell | null,
  ) {
    speak(translator);
    const links = new WeakMap<NotebookPanel, KernelLink>();
    const linkOf = (panel: NotebookPanel) => {
      const link = links.get(panel) ?? new KernelLink(panel.sessionContext);
      links.set(panel, link);
      return link;
    };
    const notebook = signal<Notebook | null>(null);
    const panel = new PanelWidget(notebook);
    const follow = () => {
      const now = panel.seen.value ? notebooks.currentWidget : null;
      notebook.value = now && {
        link: linkOf(now),
        path: now.context.path,
        title: now.title.label,
        open: (name, thread) => void app.commands.execute(DEBUG, { path: now.context.path, name, thread }),
      };
    };
    panel.seen.subscribe(follow);
    notebooks.currentChanged.connect(follow);
    app.shell.add(panel, "left", { rank: 620 });
    restorer?.add(panel, PANEL);

    const tracker = new WidgetTracker<MainAreaWidget<VariableContent>>({ namespace: "lgviz-variables" });
    const attach = (content: VariableContent, found: NotebookPanel) => {
      const save = () => {
        const widget = tracker.find((each) => each.content === content);
        if (widget) void tracker.save(widget);
      };
      found.context.pathChanged.connect((_, path) => {
        content.path = path;
        save();
      });
      void content.showOf(linkOf(found), save);
    };
    notebooks.widgetAdded.connect((_, added) => {
      tracker.forEach(({ content }) => {
        if (content.path === added.context.path) attach(content, added);
      });
    });
    app.commands.addCommand(DEBUG, {
      label: t("Debug a Graph of the Notebook"),
      execute: async ({ path, name, thread }) => {
        const wanted = typeof thread === "string" ? thread : null;
        const open = tracker.find(({ content }) => content.path === path && content.variable === name);
        if (open) {
          app.shell.activateById(open.id);
          open.content.openThread(wanted);
          return open;
        }
        const content = new VariableContent(String(path), String(name), wanted);
        const widget = new MainAreaWidget({ content });
        widget.id = `lgviz-variable-${path}-${name}`;
        widget.toolbar.hide();
        const found = notebooks.find(({ context }) => context.path === path);
        // Notebook 7 has room for one document; what is beside it is a side panel.
        app.shell.add(
          widget,
          lab ? "main" : "right",
          lab && found ? { mode: "split-right", ref: found.id } : {},
        );
        await tracker.add(widget);
        if (found) attach(content, found);
        app.shell.activateById(widget.id);
        return widget;
      },
    });
    app.commands.addCommand(SHOW, {
      label: t("Show the Graphs and Threads of the Notebook"),
      icon,
      execute: () => app.shell.activateById(PANEL),
    });
    palette?.addItem({ command: SHOW, category: "LangGraph" });
    void restorer?.restore(tracker, {
      command: DEBUG,
      args: ({ content }) => ({ path: content.path, name: content.variable, thread: content.thread }),
      name: ({ content }) => `${content.path}:${content.variable}`,
    });
  },
};

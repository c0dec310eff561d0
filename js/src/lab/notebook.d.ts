// What of @jupyterlab/notebook is used: JupyterLab has it; its own types would bring 200 MB of packages along.
declare module "@jupyterlab/notebook" {
  import type { ISessionContext, IWidgetTracker } from "@jupyterlab/apputils";
  import type { IDocumentWidget } from "@jupyterlab/docregistry";
  import type { Token } from "@lumino/coreutils";

  export interface NotebookPanel extends IDocumentWidget {
    readonly sessionContext: ISessionContext;
  }
  export interface INotebookTracker extends IWidgetTracker<NotebookPanel> {}
  export const INotebookTracker: Token<INotebookTracker>;
}

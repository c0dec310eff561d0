// What JupyterLab holds of a database: its name. Neither its content nor a copy of it is ever asked for.
import { DocumentModel, type DocumentRegistry } from "@jupyterlab/docregistry";
import type { Contents } from "@jupyterlab/services";

/** A document that JupyterLab itself neither saves nor keeps checkpoints of: others write it. */
class NamedModel extends DocumentModel {
  /** JupyterLab's word for "kept by somebody else": then it makes no copy in `.ipynb_checkpoints`. */
  override get collaborative(): boolean {
    return true;
  }
}

export const MODEL = "lgviz-name";

export class NamedModelFactory implements DocumentRegistry.IModelFactory<DocumentRegistry.IModel> {
  readonly name = MODEL;
  readonly contentType: Contents.ContentType = "file";
  /** Null: of a file only its name, size and times are asked for. */
  readonly fileFormat = null;
  readonly collaborative = false;
  isDisposed = false;

  dispose(): void {
    this.isDisposed = true;
  }

  preferredLanguage(): string {
    return "";
  }

  createNew(): DocumentRegistry.IModel {
    const model = new NamedModel();
    model.readOnly = true;
    return model;
  }
}

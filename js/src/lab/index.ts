// The plugins of JupyterLab and Notebook 7: databases of checkpoints as documents.
import { documents } from "./documents";

export default [documents];

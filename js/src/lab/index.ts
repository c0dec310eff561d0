// The plugins of JupyterLab and Notebook 7: databases as documents, and what the kernel of a notebook holds.
import { beside } from "./beside";
import { documents } from "./documents";

export default [documents, beside];

// What can be set in JupyterLab's settings: the form in the reader's language, and what was chosen.
import type { ISettingRegistry } from "@jupyterlab/settingregistry";
import { signal } from "@preact/signals";
import { t } from "../lib/words";

/** The plugin whose settings they are; schema/documents.json says their types. */
export const SETTINGS = "lgviz:documents";

/** Whether a double click opens the debugger. */
export const byDoubleClick = signal(true);
/** Whether what a coding agent looks at is marked. */
export const agentMarked = signal(false);

/** JupyterLab translates a form by language packs of its own, in which we are not: so it gets the words from here. */
const FORM = () => ({
  title: t("LangGraph Checkpoints (lgviz)"),
  description: t("Databases and bundles of LangGraph's checkpoints, and the graphs of a notebook."),
  doubleClick: {
    title: t("Open by double click"),
    description: t(
      'A double click on a .db, .sqlite or .lgviz file opens the debugger. Otherwise only "Open With" does.',
    ),
  },
  agent: {
    title: t("Mark what a coding agent looks at"),
    description: t(
      "In the debugger of the same thread, as long as its lgviz mcp runs on the machine of the Jupyter server or the kernel.",
    ),
  },
});

/** Follows what is set, from now on. */
export function followSettings(registry: ISettingRegistry): void {
  registry.transform(SETTINGS, {
    fetch(plugin) {
      const { title, description, ...words } = FORM();
      const properties = Object.fromEntries(
        Object.entries(plugin.schema.properties ?? {}).map(([name, property]) => [
          name,
          { ...property, ...words[name as keyof typeof words] },
        ]),
      );
      return {
        ...plugin,
        schema: { ...plugin.schema, title, description, "jupyter.lab.setting-icon-label": title, properties },
      };
    },
  });
  void registry.load(SETTINGS).then((loaded) => {
    const apply = () => {
      byDoubleClick.value = loaded.composite.doubleClick !== false;
      agentMarked.value = loaded.composite.agent === true;
    };
    loaded.changed.connect(apply);
    apply();
  });
}

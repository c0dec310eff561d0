// What was open and selected in a document, kept where JupyterLab keeps its layout.
import type { IStateDB } from "@jupyterlab/statedb";
import type { Shared, SharedModel } from "../state/store";

const EMPTY: Shared = { thread_id: null, selected: null, compared: null };

export async function keptFor(path: string, db: IStateDB | null): Promise<SharedModel> {
  const key = `lgviz:${path}`;
  const kept = ((await db?.fetch(key).catch(() => undefined)) ?? {}) as Partial<Shared>;
  const now: Shared = { ...EMPTY, ...kept };
  return {
    get: (name) => now[name],
    set(name, value) {
      now[name] = value;
      void db?.save(key, { ...now }).catch(() => {});
    },
    on: () => () => {},
  };
}

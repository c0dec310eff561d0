// What was open and selected in a document, kept where JupyterLab keeps its layout.
import type { IStateDB } from "@jupyterlab/statedb";
import type { Shared, SharedModel } from "../state/store";

const EMPTY: Shared = { thread_id: null, selected: null, compared: null };

export interface Kept {
  path: string;
  now: Shared;
  shared: SharedModel;
}

/** What is kept of the file at a path; of one that was renamed, what was kept `before`. */
export async function keptFor(path: string, db: IStateDB | null, before: Kept | null): Promise<Kept> {
  const key = `lgviz:${path}`;
  const moved = before !== null && before.path !== path;
  const kept = moved ? before.now : ((await db?.fetch(key).catch(() => undefined)) ?? {});
  const now: Shared = { ...EMPTY, ...(kept as Partial<Shared>) };
  const save = () => void db?.save(key, { ...now }).catch(() => {});
  if (moved) {
    save();
    void db?.remove(`lgviz:${before.path}`).catch(() => {});
  }
  const shared: SharedModel = {
    get: (name) => now[name],
    set(name, value) {
      now[name] = value;
      save();
    },
    on: () => () => {},
  };
  return { path, now, shared };
}

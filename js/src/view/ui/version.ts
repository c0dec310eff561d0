// When what is known of the selected checkpoint has changed, so that it is asked for again.
import { useComputed } from "@preact/signals";
import type { Store } from "../../state/store";

/** A row's marks and children say when what is known about its next step has changed. */
export function useVersion(store: Store): string {
  return useComputed(() => {
    store.revision.value;
    const row = store.selectedRow.value;
    const tree = store.tree.value;
    return `${tree.flags[row]}.${tree.children[row]}`;
  }).value;
}

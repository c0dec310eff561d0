import type { Store } from "../state/store";

export interface InspectorProps {
  store: Store;
}

/** The right side: what the selected checkpoint holds. */
export function Inspector({ store }: InspectorProps) {
  return (
    <section class="lgviz-inspector" data-testid="lgviz-inspector" aria-label="Checkpoint">
      {store.selected.value}
    </section>
  );
}

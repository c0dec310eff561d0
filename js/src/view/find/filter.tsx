// The conditions of the filter over the rows that it keeps: each can be taken away, and one walks what is shown.
import { thousands } from "../../lib/format";
import { t } from "../../lib/words";
import type { ViewState } from "../../state/view";
import { CloseIcon } from "../ui/icons";
import { facetName, kindName } from "./names";

export function FilterBar({ view }: { view: ViewState }) {
  const { store, find } = view;
  const facets = find.facets.value;
  if (facets.length === 0) return null;
  store.revision.value;
  const tree = store.tree.value;
  const shown = view.visible.value.count;
  const total = tree.length;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for what is filled in.
    <div class="lgviz-filterbar" role="group" aria-label={t("Filter")} data-testid="lgviz-filterbar">
      {facets.map((facet) => {
        const name = facetName(tree, facet);
        return (
          <button
            key={`${facet.kind} ${facet.name}`}
            type="button"
            class="lgviz-facet"
            data-kind={facet.kind}
            aria-label={t("Take the filter {name} away", { name })}
            title={t("Take the filter {name} away", { name })}
            onClick={() => {
              find.toggle(facet);
              // Its button is gone, and the keys must not be.
              view.focusTree();
            }}
          >
            <span class="lgviz-facet-kind">{kindName(facet.kind)}</span>
            <span class="lgviz-facet-name">{name}</span>
            <CloseIcon />
          </button>
        );
      })}
      <span class="lgviz-filter-count" role="status">
        {t("{shown} of {total}", { shown: thousands(shown), total: thousands(total) })}
      </span>
      <span class="lgviz-walk">
        <Step name={t("Older checkpoint of these")} disabled={shown === 0} act={() => view.walk(1)} by={-1} />
        <Step name={t("Newer checkpoint of these")} disabled={shown === 0} act={() => view.walk(-1)} by={1} />
      </span>
      <button type="button" class="lgviz-facets-clear" onClick={() => find.clear()}>
        {t("clear")} <kbd>esc</kbd>
      </button>
    </div>
  );
}

interface StepProps {
  name: string;
  disabled: boolean;
  /** Into the past (-1) or on (1). */
  by: -1 | 1;
  act(): void;
  testid?: string;
}

/** One step into the past or on; it keeps the focus at the last one. */
export function Step({ name, disabled, by, act, testid }: StepProps) {
  return (
    <button
      type="button"
      class="lgviz-stepper"
      data-testid={testid}
      aria-label={name}
      aria-disabled={disabled}
      title={name}
      onClick={() => {
        if (!disabled) act();
      }}
    >
      <span aria-hidden="true">{by < 0 ? "◂" : "▸"}</span>
    </button>
  );
}

// Where a channel changed: chips that filter by it, and steps from change to change along the branch.
import { useContext } from "preact/hooks";
import { t, tn } from "../../lib/words";
import { Step } from "./filter";
import { Here } from "./here";

/** `◂ 4 changes ▸` of a channel on the branch that one looks at. */
export function Changes({ channel }: { channel: string }) {
  const view = useContext(Here);
  if (view === null) return null;
  const { find, store } = view;
  const branch = find.branch.value;
  const row = store.selectedRow.value;
  const { length } = branch.changesOf(channel);
  if (length === 0) return null;
  const facet = { kind: "channel", name: channel } as const;
  const pressed = find.has(facet);
  return (
    <span class="lgviz-changes" data-testid="lgviz-changes">
      <Step
        name={t("Previous change of {channel}", { channel })}
        disabled={branch.changeFrom(channel, row, -1) < 0}
        by={-1}
        act={() => find.step(channel, -1)}
      />
      <button
        type="button"
        class="lgviz-link"
        aria-pressed={pressed}
        title={t("Show only the checkpoints that changed {channel}", { channel })}
        onClick={() => find.toggle(facet)}
      >
        {tn("{n} change", "{n} changes", length)}
      </button>
      <Step
        name={t("Next change of {channel}", { channel })}
        disabled={branch.changeFrom(channel, row, 1) < 0}
        by={1}
        act={() => find.step(channel, 1)}
      />
    </span>
  );
}

/** The channels that a checkpoint changed, as chips that filter by them. */
export function ChangedChips({ checkpoint }: { checkpoint: string }) {
  const view = useContext(Here);
  if (view === null) return null;
  const { find, store } = view;
  store.revision.value;
  const tree = store.tree.value;
  const names = tree.changes[tree.rowOf(checkpoint)] ?? [];
  if (names.length === 0) return null;
  return (
    <span class="lgviz-head-chips">
      {` · ${t("changed")} `}
      {names.map((name) => {
        const facet = { kind: "channel", name } as const;
        return (
          <button
            key={name}
            type="button"
            class="lgviz-chip is-act"
            data-testid="lgviz-chip"
            data-channel={name}
            aria-pressed={find.has(facet)}
            title={t("Show only the checkpoints that changed {channel}", { channel: name })}
            onClick={() => find.toggle(facet)}
          >
            {name}
          </button>
        );
      })}
    </span>
  );
}

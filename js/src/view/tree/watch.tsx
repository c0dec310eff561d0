// Watched expressions below the tree: a field to type one, and of each its value here and a sparkline along the branch.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { t, tn } from "../../lib/words";
import type { Branch } from "../../state/branch";
import type { ViewState } from "../../state/view";
import type { Watch } from "../../state/watch";
import { CloseIcon, WatchIcon } from "../ui/icons";

/** Steps that a sparkline draws at most; of a longer branch each stands for several. */
const STEPS = 400;
const HEIGHT = 20;

/** Opens the field; absent where no kernel of one's own would evaluate what is typed. */
export function WatchButton({ view }: { view: ViewState }) {
  const { watching, store } = view;
  if (store.source.answers !== "kernel") return null;
  return (
    <button
      type="button"
      class="lgviz-stepper lgviz-watch-open"
      data-testid="lgviz-watch-open"
      aria-label={t("Watch an expression")}
      title={t("Watch an expression: its value at every checkpoint")}
      aria-expanded={watching.typing.value}
      aria-disabled={store.lost.value !== null}
      onClick={() => {
        if (store.lost.peek() === null) watching.typing.value = !watching.typing.peek();
      }}
    >
      <WatchIcon />
    </button>
  );
}

export function Watches({ view }: { view: ViewState }) {
  const { watching } = view;
  const watches = watching.watches.value;
  if (watches.length === 0 && !watching.typing.value) return null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for what is filled in.
    <div class="lgviz-watches" role="group" aria-label={t("Watched")}>
      {watches.map((watch) => (
        <Line key={watch.text} view={view} watch={watch} />
      ))}
      {watching.typing.value && <Field view={view} />}
    </div>
  );
}

function Field({ view }: { view: ViewState }) {
  const { watching } = view;
  const [text, setText] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => field.current?.focus({ preventScroll: true }), []);
  const close = () => {
    watching.typing.value = false;
    view.focusTree();
  };
  return (
    <form
      class="lgviz-watch-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== "") watching.add(text.trim());
        close();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      <input
        ref={field}
        type="text"
        data-testid="lgviz-watch"
        aria-label={t("An expression over the channels")}
        placeholder="len(messages)"
        spellcheck={false}
        autocomplete="off"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </form>
  );
}

function Line({ view, watch }: { view: ViewState; watch: Watch }) {
  const { store, watching } = view;
  const error = watch.error.value;
  const here = watch.values.value.get(store.selectedRow.value);
  const leftOut = watch.leftOut.value;
  return (
    <div class="lgviz-watched" data-testid="lgviz-watched" aria-busy={watch.pending.value}>
      <code title={watch.text}>{watch.text}</code>
      <Sparkline view={view} watch={watch} />
      <output title={here?.text}>{here?.text ?? (watch.pending.value ? "…" : "—")}</output>
      <button
        type="button"
        class="lgviz-stepper"
        aria-label={t("Watch {name} no more", { name: watch.text })}
        title={t("Watch {name} no more", { name: watch.text })}
        onClick={() => {
          watching.remove(watch);
          view.focusTree();
        }}
      >
        <CloseIcon />
      </button>
      {error !== null && (
        <p class="lgviz-hint is-wrong" role="alert">
          {error}
        </p>
      )}
      {leftOut > 0 && (
        <p class="lgviz-hint">
          {tn("{n} older checkpoint is left out", "{n} older checkpoints are left out", leftOut)}
        </p>
      )}
    </div>
  );
}

/** Numbers along the branch of the selection; a click, or an arrow key, selects. */
function Sparkline({ view, watch }: { view: ViewState; watch: Watch }) {
  const branch = view.find.branch.value;
  const points = pointsOf(branch, watch);
  const numbers = points.flatMap(({ number }) => (number === null ? [] : [number]));
  if (numbers.length < 2) return <span class="lgviz-spark" />;
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const last = Math.max(1, branch.rows.length - 1);
  const place = branch.placeOf(view.store.selectedRow.value);
  const y = (number: number) => 2 + (HEIGHT - 4) * (high === low ? 0.5 : (high - number) / (high - low));
  const line = points
    .map(({ place, number }, i) => {
      if (number === null) return "";
      const starts = i === 0 || points[i - 1]?.number === null;
      return `${starts ? "M" : "L"}${((place / last) * 100).toFixed(2)} ${y(number).toFixed(1)}`;
    })
    .join("");
  return (
    <span class="lgviz-spark" data-testid="lgviz-sparkline">
      <svg viewBox={`0 0 100 ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path d={line} />
        {place >= 0 && <line x1={(place / last) * 100} x2={(place / last) * 100} y1={0} y2={HEIGHT} />}
      </svg>
      <input
        type="range"
        aria-label={t("{name} along this branch: {low} to {high}", { name: watch.text, low, high })}
        aria-valuetext={watch.values.value.get(view.store.selectedRow.value)?.text}
        title={t("{low} to {high} along this branch; a click selects", { low, high })}
        min={0}
        max={last}
        value={place}
        onInput={(event) => view.find.scrub(Number(event.currentTarget.value))}
      />
    </span>
  );
}

/** The numbers at places of a branch; null where there is none. */
function pointsOf(branch: Branch, watch: Watch): { place: number; number: number | null }[] {
  const by = Math.ceil(branch.rows.length / STEPS);
  const points = [];
  for (let place = 0; place < branch.rows.length; place += by) {
    points.push({ place, number: watch.values.value.get(branch.rows[place] as number)?.number ?? null });
  }
  return points;
}

// The Compare tab: where two branches part, both step by step, and what they came to; or all branches side by side.

import { useComputed } from "@preact/signals";
import type { ComponentChild } from "preact";
import { useContext, useState } from "preact/hooks";
import { thousands } from "../../lib/format";
import { loader } from "../../lib/paging";
import { t, tn, tx } from "../../lib/words";
import type { ComparisonView, PartedView, StepPair } from "../../protocol";
import type { CopyProgress } from "../../source/types";
import { labelOf, type Store } from "../../state/store";
import { Here } from "../find/here";
import { type Asked, useLongAsk } from "../ui/ask";
import { Problem } from "../ui/problem";
import { Branches } from "./branches";
import { Change } from "./diff";
import { madeBy, Outcome } from "./step";
import { Go } from "./why";

/** A comparison, and how far it is where it takes long. */
type Comparing = Asked<ComparisonView> & { progress: CopyProgress | null };

/** The comparison of the two branches that were chosen; nothing is asked while none are. */
export function useComparison(store: Store): Comparing {
  const ends = store.ends.value;
  const version = useComputed(() => {
    store.revision.value;
    const tree = store.tree.value;
    const rows = (store.ends.value ?? []).map((end) => tree.rowOf(end));
    return rows.map((row) => `${tree.flags[row]}.${tree.children[row]}`).join();
  }).value;
  const params = ends && { left: ends[0], right: ends[1] };
  return useLongAsk(store.source, "compare_get", params, version);
}

/** `c6 ≠ c17` on the tab: where they part; `=` where no step differs, `?` where that cannot be told. */
export function partedInShort(store: Store, { data, pending, progress }: Comparing): string {
  const ends = store.ends.value;
  if (ends === null) return "";
  const named = (id: string | null) => (id === null ? "—" : labelOf(store, id));
  if (!data || pending) return ends.map(named).join(" ↔ ") + (progress ? ` ${share(progress)}` : "");
  if (data.parted === null) return data.unsure > 0 ? "?" : "=";
  return `${named(data.parted.left)} ≠ ${named(data.parted.right)}`;
}

function share({ done, total }: CopyProgress): string {
  return `${Math.round((100 * done) / Math.max(1, total))} %`;
}

export function Compare({ store, asked }: { store: Store; asked: Comparing }) {
  const branches = useContext(Here)?.branches.value ?? 0;
  const [all, setAll] = useState(false);
  const found = asked.data;
  if (asked.error) return <Problem error={asked.error} retry={asked.retry} />;
  if (!found) return <p class="lgviz-empty">{asked.progress ? <Progress of={asked.progress} /> : "…"}</p>;
  const { left, right } = found;
  return (
    <div class="lgviz-compare" data-testid="lgviz-compare" aria-busy={asked.pending}>
      <div class="lgviz-diff-head">
        <span class="lgviz-mono lgviz-num">
          <Go store={store} id={left.id} /> ↔ <Go store={store} id={right.id} />
        </span>
        <span class="lgviz-faint">{!all && found.summary}</span>
        <span class="lgviz-compare-acts">
          {branches > 2 && (
            <button type="button" class="lgviz-link" aria-pressed={all} onClick={() => setAll(!all)}>
              {tn("all branches", "all {n} branches", branches)}
            </button>
          )}
          {store.compared.value === null && (
            <button type="button" class="lgviz-link" onClick={() => store.compare(null)}>
              {t("end")}
            </button>
          )}
        </span>
      </div>
      {asked.progress && (
        <p class="lgviz-more">
          <Progress of={asked.progress} />
        </p>
      )}
      {all ? (
        <Branches store={store} />
      ) : (
        <>
          <Parted store={store} found={found} />
          <Steps store={store} found={found} />
        </>
      )}
    </div>
  );
}

function Progress({ of: { done, total } }: { of: CopyProgress }) {
  return (
    <span role="status" data-testid="lgviz-compare-progress">
      {t("Comparing: {done} of {total} steps", { done: thousands(done), total: thousands(total) })}
    </span>
  );
}

/** Where they first part: in words, and the first part that differs then. */
function Parted({ store, found }: { store: Store; found: ComparisonView }) {
  const here = useContext(Here);
  const { parted, unsure } = found;
  if (parted === null)
    return (
      <p class="lgviz-compare-parted">
        {unsure === 0
          ? t("No step differs, but for ids that were made up.")
          : tn(
              "No step is seen to differ, but {n} step cannot be compared exactly.",
              "No step is seen to differ, but {n} steps cannot be compared exactly.",
              unsure,
            )}
      </p>
    );
  const { at, change, channel, together, left } = parted;
  const before = together && left !== null ? left : null;
  const show = () => {
    if (at === null || channel === null) return;
    here?.find.land({ of: at, channel, path: parted.path, line: null }, at);
  };
  return (
    <div class="lgviz-card" data-testid="lgviz-parted">
      <p class="lgviz-compare-parted">
        {inWords(store, found, parted)}{" "}
        {unsure > 0 &&
          tn(
            "Before it, {n} step cannot be compared exactly.",
            "Before it, {n} steps cannot be compared exactly.",
            unsure,
          )}
      </p>
      {change !== null && channel !== null && at !== null && (
        <>
          <header>
            <button type="button" class="lgviz-link lgviz-mono" onClick={show}>
              {parted.place}
            </button>
            <span>
              {together
                ? t("the first part that differs")
                : t("the first part that differs from here on, in {label}", { label: labelOf(store, at) })}
            </span>
          </header>
          <Change
            channel={channel}
            change={change}
            title={false}
            load={{
              before: before === null ? undefined : (name) => loader(store.source, before, name),
              after: (name) => loader(store.source, at, name),
            }}
          />
        </>
      )}
    </div>
  );
}

function inWords(store: Store, found: ComparisonView, parted: PartedView): ComponentChild {
  const { left, right } = parted;
  const [a, b] = [found.left.id, found.right.id].map((id) => <Go store={store} id={id} />);
  const step = (id: string) => <Step store={store} id={id} />;
  if (parted.together && left !== null && right !== null)
    return tx("{left} and {right} did not lead to the same.", { left: step(left), right: step(right) });
  const parents = [left, right].map((id) => parentOf(store, id)).filter((id) => id !== null);
  const parent = new Set(parents).size === 1 ? (parents[0] as string) : found.ancestor;
  const after = parent === null ? null : <Go store={store} id={parent} />;
  if (left !== null && right !== null) {
    const values = { after, a, b, left: step(left), right: step(right) };
    return after === null
      ? tx("The way to {a} begins with {left}, the way to {b} with {right}.", values)
      : tx("After {after} the way to {a} goes on with {left}, the way to {b} with {right}.", values);
  }
  const goes = left ?? right;
  const values = {
    a: left === null ? b : a,
    b: left === null ? a : b,
    step: goes === null ? null : step(goes),
  };
  return tx("The way to {a} goes on with {step}, the way to {b} ends before that.", values);
}

function parentOf(store: Store, id: string | null): string | null {
  const tree = store.tree.value;
  return tree.ids[tree.parent[tree.rowOf(id)] ?? -1] ?? null;
}

/** A checkpoint by what made it and its label. */
function Step({ store, id }: { store: Store; id: string }) {
  return (
    <>
      <b>{madeBy(store, id)}</b> (<Go store={store} id={id} />)
    </>
  );
}

/** Both sides, aligned: what is the same is faint. */
function Steps({ store, found }: { store: Store; found: ComparisonView }) {
  const { ancestor, left, right, steps, more } = found;
  return (
    <table class="lgviz-card lgviz-compare-steps" aria-label={t("Step by step")}>
      <thead>
        <tr>
          <th scope="col">{t("to {label}", { label: labelOf(store, left.id) })}</th>
          <td />
          <th scope="col">{t("to {label}", { label: labelOf(store, right.id) })}</th>
        </tr>
      </thead>
      <tbody>
        {ancestor !== null && (
          <tr class="is-same">
            <td>
              <StepCell store={store} id={ancestor} />
            </td>
            <td class="lgviz-compare-sign" title={t("both have it")}>
              ↔
            </td>
            <td>
              <StepCell store={store} id={ancestor} />
            </td>
          </tr>
        )}
        {steps.map((pair, i) => (
          <Pair key={i} store={store} pair={pair} />
        ))}
        {more > 0 && (
          <tr>
            <td colSpan={3} class="lgviz-faint">
              {tn("{n} more step", "{n} more steps", more)}
            </td>
          </tr>
        )}
      </tbody>
      <tfoot>
        <tr>
          <Outcome end={left} />
          <td />
          <Outcome end={right} />
        </tr>
      </tfoot>
    </table>
  );
}

function Pair({ store, pair: { left, right, same } }: { store: Store; pair: StepPair }) {
  const [sign, said] =
    same === true
      ? ["=", t("both did the same")]
      : same === false
        ? ["≠", t("they differ")]
        : ["?", t("whether they did the same cannot be told")];
  return (
    <tr class={same === true ? "is-same" : "is-different"} data-testid="lgviz-compare-step" data-same={same}>
      <td>{left !== null && <StepCell store={store} id={left} />}</td>
      <td class="lgviz-compare-sign" title={said}>
        <span aria-hidden="true">{sign}</span>
        <span class="lgviz-sr">{said}</span>
      </td>
      <td>{right !== null && <StepCell store={store} id={right} />}</td>
    </tr>
  );
}

function StepCell({ store, id }: { store: Store; id: string }) {
  const what = madeBy(store, id);
  const label = labelOf(store, id);
  return (
    <button
      type="button"
      class="lgviz-compare-cell"
      aria-current={store.selected.value === id}
      title={`${label} ${what}`}
      onClick={() => store.select(id)}
    >
      <span class="lgviz-mono">{label}</span> {what}
    </button>
  );
}

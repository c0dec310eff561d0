// One row of the tree: label, what ran, what changed, marks, time.
import { Component } from "preact";
import { clock, counted, elapsed, fullTime } from "../../lib/format";
import { textWidth } from "../../lib/measure";
import { t, tn } from "../../lib/words";
import { Mark, type RowMarks } from "../../protocol";
import type { TreeModel } from "../../state/tree";

export interface RowProps {
  tree: TreeModel;
  /** The tree is changed in place: of this state of it. */
  revision: number;
  row: number;
  /** Pixels below the top of the window. */
  top: number;
  position: number;
  total: number;
  rowId: string;
  width: number;
  selected: boolean;
  compared: boolean;
  future: boolean;
  hit: boolean;
  fresh: boolean;
  /** A coding agent looks here. */
  agent: boolean;
  collapsed: boolean;
  /** What can be folded here: while rows are filtered, nothing. */
  inner: number;
  /** A branch begins here: how many of its checkpoints are folded behind it, 0 where it is unfolded; else null. */
  branch: number | null;
  /** What a click on a chip does, in the reader's words. */
  chipTitle: string;
  marks: RowMarks | undefined;
  /** The values of watched expressions, in short. */
  watched: string;
  /** Rushed past: without what nobody reads meanwhile. */
  lean: boolean;
  /** What is behind a time that is a span, in the reader's words. */
  since: string;
}

/** Drawn again only where something about it is another: most rows of a window were in the one before. */
export class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const now: RowProps = this.props;
    return (Object.keys(next) as (keyof RowProps)[]).some((name) => next[name] !== now[name]);
  }

  render(props: RowProps) {
    return drawn(props);
  }
}

function drawn(props: RowProps) {
  const { tree, row, selected, compared, future, hit } = props;
  const flags = tree.flags[row] as number;
  const depth = tree.depth[row] as number;
  const { inner, branch, lean } = props;
  const watched = lean ? "" : shortened(props.watched);
  const label = tree.labels[row] as string;
  const [what, who] = titleOf(tree, row);
  const time = lean ? "" : timeOf(tree, row);
  const { marks, chips, at } = lean ? NOTHING : detailsOf(props, what, who, time);
  let classes = "lgviz-row";
  if (selected) classes += " is-selected";
  if (compared) classes += " is-compared";
  if (future) classes += " is-future";
  if (hit) classes += " is-hit";
  if (props.fresh) classes += " is-fresh";
  if (flags & Mark.SANDBOX) classes += " is-sandbox";
  if (lean) classes += " is-lean";
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus and names its active row.
    <div
      id={props.rowId}
      class={classes}
      style={{ top: `${props.top}px` }}
      role="treeitem"
      data-testid="lgviz-row"
      data-row={row}
      data-checkpoint-id={tree.ids[row]}
      data-label={label}
      data-compared={compared || undefined}
      aria-selected={selected}
      aria-level={depth + 1}
      aria-setsize={props.total}
      aria-posinset={props.position + 1}
      aria-expanded={inner > 0 ? !props.collapsed : branch === null ? undefined : branch === 0}
    >
      <span class="lgviz-label">{label}</span>
      <span class="lgviz-what" style={depth > 0 ? { paddingInlineStart: `${14 * depth}px` } : undefined}>
        <span
          class={flags & Mark.INPUT ? "lgviz-node is-plain" : "lgviz-node"}
          title={lean ? undefined : what}
        >
          {what}
        </span>
        {who && (
          <span class="lgviz-who" title={who}>
            {who}
          </span>
        )}
        {inner > 0 && (
          <span
            class="lgviz-fold"
            data-fold={row}
            title={props.collapsed ? t("Show the subgraph's steps") : t("Fold the subgraph's steps")}
          >
            <i class={props.collapsed ? "is-closed" : ""} aria-hidden="true" />
            {tn("{n} inner", "{n} inner", inner)}
          </span>
        )}
        {branch !== null && <BranchFold row={row} behind={branch} />}
        {chips.shown.map((name, i) => (
          <span
            class="lgviz-chip is-act"
            key={i}
            data-testid="lgviz-chip"
            data-channel={name}
            title={`${name}: ${props.chipTitle}`}
          >
            {name}
          </span>
        ))}
        {chips.rest.length > 0 && (
          <span class="lgviz-chip is-more" title={chips.rest.join(", ")}>
            +{chips.rest.length}
          </span>
        )}
        {marks.map((mark, i) => (
          <span class={`lgviz-mark is-${mark.kind}`} key={i} title={mark.title ?? mark.text}>
            {mark.text}
          </span>
        ))}
        {compared && <span class="lgviz-sr">{t("compared")}</span>}
        {(flags & Mark.SANDBOX) !== 0 && <span class="lgviz-sr">{t("in the sandbox")}</span>}
      </span>
      <span class="lgviz-time" title={at}>
        {watched !== "" && (
          <span class="lgviz-row-watched" title={props.watched}>
            {watched}
          </span>
        )}
        {time}
      </span>
    </div>
  );
}

interface Details {
  marks: readonly MarkChip[];
  chips: Chips;
  /** When it was stored, in full. */
  at: string | undefined;
}

const NOTHING: Details = { marks: [], chips: { shown: [], rest: [] }, at: undefined };

/** What takes most of the time that a row takes. */
function detailsOf(props: RowProps, what: string, who: string, time: string): Details {
  const { tree, row, inner, branch } = props;
  const marks = marksOf(tree, row, props.marks);
  if (props.agent)
    marks.unshift({ kind: "agent", text: t("agent here"), title: t("A coding agent looks here") });
  const indent = 14 * (tree.depth[row] as number);
  const taken =
    timeWidth(shortened(props.watched)) +
    nodeWidth(what) +
    whoWidth(who) +
    foldWidth(inner) +
    branchWidth(branch) +
    timeWidth(time) +
    indent;
  const marked = marks.reduce((sum, mark) => sum + markWidth(mark.text), 0);
  const chips = fitting(tree.changes[row] as readonly string[], props.width + GAP - taken - marked);
  const stored = fullTime(tree.time[row] as number);
  return { marks, chips, at: time.startsWith("+") ? `${stored}: ${time} ${props.since}` : stored };
}

/** Folds a branch to its first row, or unfolds it; a key does the same. */
function BranchFold({ row, behind }: { row: number; behind: number }) {
  const closed = behind > 0;
  return (
    <span
      class="lgviz-fold"
      data-branch={row}
      title={closed ? t("Show the checkpoints of this branch") : t("Fold this branch to one line")}
    >
      <i class={closed ? "is-closed" : ""} aria-hidden="true" />
      {closed && tn("{n} more", "{n} more", behind)}
    </span>
  );
}

/** What made the checkpoint: its nodes, else its source; and as which node an update was made. */
export function titleOf(tree: TreeModel, row: number): [what: string, who: string] {
  const flags = tree.flags[row] as number;
  const nodes = tree.titles[row] as readonly string[];
  if (flags & Mark.UPDATE)
    return [t("update"), nodes.length > 0 ? t("as {node}", { node: joined(nodes) }) : ""];
  if (nodes.length > 0) return [joined(nodes), ""];
  if (flags & Mark.INPUT) return [t("input"), ""];
  if (flags & Mark.FORK) return [t("fork"), ""];
  return [t("step"), ""];
}

/** By the names as the tree holds them: steps of one kind share theirs. */
const known = new WeakMap<readonly string[], string>();

function joined(names: readonly string[]): string {
  let text = known.get(names);
  if (text === undefined) {
    text = counted(names).join(" ∥ ");
    known.set(names, text);
  }
  return text;
}

interface MarkChip {
  kind: "error" | "ask" | "answered" | "note" | "branches" | "head" | "quiet" | "agent";
  text: string;
  title?: string;
}

function marksOf(tree: TreeModel, row: number, words: RowMarks | undefined): MarkChip[] {
  const flags = tree.flags[row] as number;
  const chips: MarkChip[] = [];
  if (flags & Mark.ERROR) chips.push({ kind: "error", text: words?.error ?? t("failed") });
  if (flags & Mark.INTERRUPT) {
    const text = words?.interrupt ?? t("interrupt");
    if (flags & Mark.ANSWERED)
      chips.push({ kind: "answered", text, title: t("{question} (answered)", { question: text }) });
    else chips.push({ kind: "ask", text });
  }
  if (flags & Mark.NOTE)
    chips.push({ kind: "note", text: words?.note ? `✎ ${words.note}` : `✎ ${t("note")}` });
  if (flags & Mark.PENDING) {
    chips.push({
      kind: "quiet",
      text: t("pending writes"),
      title: t("Tasks of the next step that are done keep their writes here until the others are done"),
    });
  }
  if (flags & Mark.COLLAPSED) {
    chips.push({
      kind: "quiet",
      text: t("steps missing"),
      title: t('The steps before it were not stored (durability="exit")'),
    });
  }
  if (flags & Mark.SERVED) {
    chips.push({ kind: "quiet", text: t("served"), title: t("Answered from history: nothing ran") });
  }
  const children = tree.children[row] as number;
  if (children > 1) chips.push({ kind: "branches", text: tn("{n} branch", "{n} branches", children) });
  if (tree.isHead(row)) chips.push({ kind: "head", text: t("head"), title: t("Nothing follows from it") });
  return chips;
}

/** Characters of watched values that a row has room for. */
const WATCHED = 24;

function shortened(text: string): string {
  return text.length > WATCHED ? `${text.slice(0, WATCHED)}…` : text;
}

/** How long after its parent it was stored; the clock where a person or an input stepped in. */
function timeOf(tree: TreeModel, row: number): string {
  const time = tree.time[row] as number;
  const parent = tree.parent[row] as number;
  if (parent < 0 || (tree.flags[row] as number) & Mark.WAITED) return clock(time);
  return elapsed(time - (tree.time[parent] as number)) ?? clock(time);
}

// As in style.css.
const UI = 'Inter, system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
const MONO = 'ui-monospace, "JetBrains Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace';
const GAP = 6;

const nodeWidth = (text: string) => textWidth(text, `550 13px ${UI}`) + GAP;
const whoWidth = (text: string) => (text === "" ? 0 : textWidth(text, `13px ${UI}`) + GAP);
const foldWidth = (inner: number) =>
  inner === 0 ? 0 : textWidth(tn("{n} inner", "{n} inner", inner), `11px ${UI}`) + 19 + GAP;
const branchWidth = (behind: number | null) =>
  behind === null
    ? 0
    : (behind === 0 ? 15 : textWidth(tn("{n} more", "{n} more", behind), `11px ${UI}`) + 19) + GAP;
const markWidth = (text: string) => Math.min(textWidth(text, `11px ${UI}`) + 16, 180) + GAP;
const chipWidth = (text: string) => Math.min(textWidth(text, `11px ${MONO}`) + 10, 124) + GAP;
const timeWidth = (text: string) => textWidth(text, `11px ${MONO}`) + 6;

interface Chips {
  shown: readonly string[];
  rest: readonly string[];
}

/** The chips that fit into the width; at least what else there is, as a number. */
function fitting(names: readonly string[], width: number): Chips {
  let left = width;
  for (let i = 0; i < names.length; i++) {
    left -= chipWidth(names[i] as string);
    const more = i < names.length - 1 ? 16 + GAP : 0;
    if (left < more) return { shown: names.slice(0, i), rest: names.slice(i) };
  }
  return { shown: names, rest: [] };
}

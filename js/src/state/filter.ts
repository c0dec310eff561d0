// Which rows a filter keeps, and by what rows can be told apart.
import { Mark } from "../protocol";
import { Branch, including } from "./branch";
import type { TreeModel } from "./tree";

export type FacetKind = "channel" | "node" | "mark" | "branch";

/** One condition: a channel or node by its name, a mark of `MARKS`, a branch by the checkpoint at its head. */
export interface Facet {
  kind: FacetKind;
  name: string;
}

/** The marks that rows are told apart by, and the flags that stand for each. */
export const MARKS: Readonly<Record<string, number>> = {
  error: Mark.ERROR,
  question: Mark.INTERRUPT,
  update: Mark.UPDATE | Mark.FORK,
  note: Mark.NOTE,
  input: Mark.INPUT,
};

export function sameFacet(a: Facet, b: Facet): boolean {
  return a.kind === b.kind && a.name === b.name;
}

/** 1 for each row kept: it satisfies, of each kind that is named, at least one condition. */
export function keptBy(tree: TreeModel, facets: readonly Facet[]): Uint8Array {
  const named = (kind: FacetKind) => facets.filter((facet) => facet.kind === kind).map((facet) => facet.name);
  const [channels, nodes, marks, heads] = [named("channel"), named("node"), named("mark"), named("branch")];
  const hasChannel = including(new Set(channels));
  const hasNode = including(new Set(nodes));
  const flags = marks.reduce((bits, name) => bits | (MARKS[name] ?? 0), 0);
  const branches = heads.length > 0 ? onBranches(tree, heads) : null;
  const kept = new Uint8Array(tree.length);
  for (let row = 0; row < tree.length; row++) {
    if (channels.length > 0 && !hasChannel(tree.changes[row] as readonly string[])) continue;
    if (nodes.length > 0 && !hasNode(tree.titles[row] as readonly string[])) continue;
    if (marks.length > 0 && ((tree.flags[row] as number) & flags) === 0) continue;
    if (branches !== null && branches[row] === 0) continue;
    kept[row] = 1;
  }
  return kept;
}

/** 1 for each row on the way to one of the heads; steps of subgraphs go with the row that called them. */
function onBranches(tree: TreeModel, heads: readonly string[]): Uint8Array {
  const on = new Uint8Array(tree.length);
  for (const head of heads) for (const row of new Branch(tree, tree.rowOf(head)).rows) on[row] = 1;
  for (let row = 0; row < tree.length; row++) {
    const anchor = tree.anchor[row] as number;
    if (anchor >= 0) on[row] = on[anchor] as number;
  }
  return on;
}

/** A condition that some row satisfies, and how many do. */
export interface Offer extends Facet {
  rows: number;
}

/** Every condition that can be chosen: what is there, most frequent first; branches newest first. */
export function offers(tree: TreeModel): Offer[] {
  const marks = Object.keys(MARKS).map((name) => ({ kind: "mark" as const, name, rows: 0 }));
  for (let row = 0; row < tree.length; row++) {
    for (const mark of marks) if ((tree.flags[row] as number) & (MARKS[mark.name] as number)) mark.rows++;
  }
  const heads = tree.heads().reverse();
  const branches = heads.map((row) => ({ kind: "branch" as const, name: tree.ids[row] as string, rows: 0 }));
  return [
    ...marks.filter((mark) => mark.rows > 0),
    ...counted(tree.titles, "node"),
    ...counted(tree.changes, "channel"),
    ...(heads.length > 1 ? branches : []),
  ];
}

/** How many lists have each name; each list that steps share is looked into once. */
function counted(lists: readonly (readonly string[])[], kind: FacetKind): Offer[] {
  const shared = new Map<readonly string[], number>();
  for (const list of lists) shared.set(list, (shared.get(list) ?? 0) + 1);
  const rows = new Map<string, number>();
  for (const [list, times] of shared) {
    for (const name of new Set(list)) rows.set(name, (rows.get(name) ?? 0) + times);
  }
  return [...rows].map(([name, times]) => ({ kind, name, rows: times })).sort((a, b) => b.rows - a.rows);
}

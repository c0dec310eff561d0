// The filter of rows, folded branches, and walks along a branch: right, and in time at 30,000 rows.
import { describe, expect, test } from "vitest";
import { Mark } from "../src/protocol";
import { decodeTree } from "../src/source/columns";
import { Branch, branchAt } from "../src/state/branch";
import { keptBy, offers } from "../src/state/filter";
import { LaneIndex } from "../src/state/lanes";
import { TreeModel } from "../src/state/tree";
import { isBranch, VisibleRows } from "../src/state/visible";
import { batchOf, type RowSpec } from "./kernel";

function treeOf(specs: readonly RowSpec[]): TreeModel {
  const tree = new TreeModel();
  const { tree: batch, buffers } = batchOf(specs);
  tree.append(decodeTree(batch, buffers));
  return tree;
}

const row = (label: string, parent: number, changed: string[], more: Partial<RowSpec> = {}): RowSpec => ({
  label,
  parent,
  lane: 0,
  title: ["agent"],
  changed,
  ...more,
});

/** c0 to c3, of which c2 called a subgraph; from c1 two more branches. */
const TREE = treeOf([
  row("c0", -1, ["messages"], { title: [], flags: Mark.INPUT }),
  row("c1", 0, ["messages", "plan"]),
  row("c2", 1, ["plan"], { title: ["critic"] }),
  row("c2.1", 2, ["draft"], { depth: 1, title: ["revise"] }),
  row("c2.2", 3, ["draft"], { depth: 1, title: ["judge"] }),
  row("c3", 2, ["messages"], { title: ["tools"], flags: Mark.ERROR }),
  row("c4", 1, ["plan"], { lane: 1, title: ["agent"], flags: Mark.UPDATE }),
  row("c5", 6, ["messages"], { lane: 1, title: ["tools"] }),
  row("c6", 7, ["plan"], { lane: 1, title: ["agent"] }),
  row("c7", 1, ["messages"], { lane: 2, title: ["critic"], flags: Mark.INTERRUPT }),
]);

const labels = (rows: Iterable<number>) => [...rows].map((at) => TREE.labels[at]);
const kept = (...facets: Parameters<typeof keptBy>[1]) => {
  const rows = keptBy(TREE, facets);
  return labels([...rows.keys()].filter((at) => rows[at] === 1));
};
const shown = (visible: VisibleRows) =>
  labels(Array.from({ length: visible.count }, (_, position) => visible.rowAt(position)));

describe("a filter", () => {
  test("by each kind of condition", () => {
    expect(kept({ kind: "channel", name: "draft" })).toEqual(["c2.1", "c2.2"]);
    expect(kept({ kind: "node", name: "tools" })).toEqual(["c3", "c5"]);
    expect(kept({ kind: "mark", name: "error" })).toEqual(["c3"]);
    expect(kept({ kind: "mark", name: "update" })).toEqual(["c4"]);
    expect(kept({ kind: "branch", name: "id-c3" })).toEqual(["c0", "c1", "c2", "c2.1", "c2.2", "c3"]);
    expect(kept({ kind: "branch", name: "gone" })).toEqual([]);
  });

  test("of one kind any is enough, of several kinds one of each", () => {
    expect(kept({ kind: "mark", name: "error" }, { kind: "mark", name: "question" })).toEqual(["c3", "c7"]);
    expect(kept({ kind: "channel", name: "plan" }, { kind: "branch", name: "id-c6" })).toEqual([
      "c1",
      "c4",
      "c6",
    ]);
    expect(kept({ kind: "channel", name: "plan" }, { kind: "node", name: "tools" })).toEqual([]);
  });

  test("offers what is there, with its number of rows", () => {
    expect(offers(TREE).map(({ kind, name, rows }) => `${kind} ${name} ${rows}`)).toEqual([
      "mark error 1",
      "mark question 1",
      "mark update 1",
      "mark input 1",
      "node agent 3",
      "node critic 2",
      "node tools 2",
      "node revise 1",
      "node judge 1",
      "channel messages 5",
      "channel plan 4",
      "channel draft 2",
      "branch id-c7 0",
      "branch id-c6 0",
      "branch id-c3 0",
    ]);
  });

  test("shows inside a folded subgraph too, and edges lead past what is hidden", () => {
    const rows = keptBy(TREE, [{ kind: "channel", name: "messages" }]);
    const visible = new VisibleRows(TREE, new Set([2]), new Set([6]), rows);
    expect(shown(visible)).toEqual(["c7", "c5", "c3", "c1", "c0"]);
    const inner = new VisibleRows(
      TREE,
      new Set([2]),
      new Set(),
      keptBy(TREE, [{ kind: "channel", name: "draft" }]),
    );
    expect(shown(inner)).toEqual(["c2.2", "c2.1"]);
    const edges: string[] = [];
    LaneIndex.shown(TREE, visible).query(TREE, 0, 9, ({ child, parent }) => {
      edges.push(`${TREE.labels[child]}>${TREE.labels[parent]}`);
    });
    expect(edges.sort()).toEqual(["c1>c0", "c3>c1", "c5>c1", "c7>c1"]);
  });

  test("tells where a hidden row would be", () => {
    const visible = new VisibleRows(
      TREE,
      new Set(),
      new Set(),
      keptBy(TREE, [{ kind: "node", name: "tools" }]),
    );
    // c5 and c3 are shown.
    expect([9, 7, 6, 5, 1].map((at) => visible.newerThan(at))).toEqual([0, 0, 1, 1, 2]);
  });
});

describe("a branch", () => {
  test("folds to its first row, with what its steps called", () => {
    expect([1, 2, 5, 6, 7, 9].map((at) => isBranch(TREE, at))).toEqual([
      false,
      true,
      false,
      true,
      false,
      false,
    ]);
    const one = new VisibleRows(TREE, new Set(), new Set([6]));
    expect(shown(one)).toEqual(["c7", "c4", "c3", "c2.2", "c2.1", "c2", "c1", "c0"]);
    expect([...one.behind]).toEqual([[6, 2]]);
    const both = new VisibleRows(TREE, new Set(), new Set([2, 6]));
    expect(shown(both)).toEqual(["c7", "c4", "c2", "c1", "c0"]);
    expect([...both.behind].sort()).toEqual([
      [2, 1],
      [6, 2],
    ]);
  });

  test("is the one to the newest checkpoint that came of a row, and stays while one is on it", () => {
    expect(labels(branchAt(TREE, 1).rows)).toEqual(["c0", "c1", "c7"]);
    expect(labels(branchAt(TREE, 6).rows)).toEqual(["c0", "c1", "c4", "c5", "c6"]);
    expect(labels(branchAt(TREE, 1, 8).rows)).toEqual(["c0", "c1", "c4", "c5", "c6"]);
    expect(labels(branchAt(TREE, 2, 8).rows)).toEqual(["c0", "c1", "c2", "c3"]);
    expect(labels(branchAt(TREE, 3).rows)).toEqual(["c2.1", "c2.2"]);
    expect(labels(branchAt(TREE, -1).rows)).toEqual([]);
  });

  test("tells the changes of a channel before and after a checkpoint", () => {
    const branch = new Branch(TREE, 8);
    expect(labels(branch.changesOf("plan"))).toEqual(["c1", "c4", "c6"]);
    expect(branch.changeFrom("plan", 7, -1)).toBe(6);
    expect(branch.changeFrom("plan", 7, 1)).toBe(8);
    expect(branch.changeFrom("plan", 8, 1)).toBe(-1);
    expect(branch.changeFrom("plan", 1, -1)).toBe(-1);
    expect(branch.changeFrom("nothing", 7, -1)).toBe(-1);
  });
});

describe("at 30,000 rows", () => {
  const specs: RowSpec[] = [];
  const steps = [["messages", "plan"], ["messages"], ["fares"]];
  for (let at = 0; at < 30_000; at++) {
    const fork = at % 1000 === 999;
    specs.push(
      row(`c${at}`, fork ? at - 500 : at - 1, steps[at % 3] as string[], { lane: Math.floor(at / 1000) % 7 }),
    );
  }
  const tree = treeOf(specs);

  test("a filter, a branch and its changes take a moment; a window of rows looks at its own edges alone", () => {
    const start = performance.now();
    const rows = keptBy(tree, [{ kind: "channel", name: "fares" }]);
    const visible = new VisibleRows(tree, new Set(), new Set(), rows);
    const lanes = LaneIndex.shown(tree, visible);
    const branch = branchAt(tree, 12_000);
    const changes = branch.changesOf("plan").length;
    offers(tree);
    expect(performance.now() - start).toBeLessThan(2000);
    expect(visible.count).toBe(10_000);
    expect(branch.rows.length).toBe(30_000 - 30 * 499);
    expect(changes).toBe(5010);
    let edges = 0;
    lanes.query(tree, visible.rowAt(5040), visible.rowAt(5000), () => edges++);
    expect(edges).toBeLessThan(60);
  });

  test("scrubbing along a branch makes none anew", () => {
    const branch = branchAt(tree, 29_999);
    expect(branch.changesOf("plan")).toBe(branch.changesOf("plan"));
    const places = branch.rows.map((at) => branch.placeOf(at));
    expect(places).toEqual(Int32Array.from(branch.rows.keys()));
  });
});

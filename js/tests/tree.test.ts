import { describe, expect, test } from "vitest";
import { decodeTree } from "../src/source/columns";
import { KEPT, TreeModel } from "../src/state/tree";
import { collapsedAtFirst, VisibleRows } from "../src/state/visible";
import { batchOf, ROWS, type RowSpec } from "./kernel";

function rowsOf(specs: readonly RowSpec[], start = 0) {
  const { tree, buffers } = batchOf(specs, start);
  return decodeTree(tree, buffers);
}

function treeOf(specs: readonly RowSpec[] = ROWS): TreeModel {
  const tree = new TreeModel();
  expect(tree.append(rowsOf(specs))).toBe(true);
  return tree;
}

describe("TreeModel", () => {
  test("keeps columns, and finds rows by id and label", () => {
    const tree = treeOf();
    expect(tree.length).toBe(10);
    expect([...tree.parent.subarray(0, 10)]).toEqual(ROWS.map((row) => row.parent));
    expect(tree.rowOf("id-c3")).toBe(7);
    expect(tree.rowOfLabel("c2.2.1")).toBe(5);
    expect(tree.rowOf("nowhere")).toBe(-1);
    expect(tree.titles[1]).toEqual(["agent"]);
    expect(tree.changes[1]).toEqual(["messages", "plan"]);
    expect(tree.longestLabel).toBe(6);
  });

  test("a batch at a time gives the same tree as all at once", () => {
    const parts = new TreeModel();
    for (let start = 0; start < ROWS.length; start++) {
      expect(parts.append(rowsOf(ROWS.slice(0, start + 1), start))).toBe(true);
    }
    const whole = treeOf();
    for (const name of [...KEPT, "children", "anchor", "inner"] as const) {
      expect([...parts[name].subarray(0, 10)], name).toEqual([...whole[name].subarray(0, 10)]);
    }
    expect(parts.ids).toEqual(whole.ids);
  });

  test("rows sent twice are taken once; a gap is refused", () => {
    const tree = new TreeModel();
    tree.append(rowsOf(ROWS.slice(0, 5)));
    expect(tree.append(rowsOf(ROWS, 2))).toBe(true);
    expect(tree.length).toBe(10);
    expect(tree.children[1]).toBe(2);
    expect(tree.append({ ...rowsOf(ROWS), start: 11 })).toBe(false);
    expect(tree.length).toBe(10);
  });

  test("a thread that was cut or replaced does not go on", () => {
    const tree = treeOf();
    expect(tree.append(rowsOf(ROWS.slice(0, 4)))).toBe(false);
    const replaced = ROWS.map((row, i) => (i < 9 ? row : { ...row, label: "c5b" }));
    expect(tree.append(rowsOf(replaced))).toBe(false);
    expect(tree.append(rowsOf(replaced, 9))).toBe(false);
    expect(tree.append(rowsOf(ROWS))).toBe(true);
    expect(tree.ids[9]).toBe("id-c5");
  });

  test("anchors subgraph rows at the row that started their call", () => {
    const tree = treeOf();
    expect([...tree.anchor.subarray(0, 10)]).toEqual([-1, -1, -1, 2, 2, 4, 2, -1, -1, -1]);
    expect(tree.inner[2]).toBe(3);
    expect(tree.inner[4]).toBe(1);
    // A subgraph's rows are no branches of their anchor.
    expect(tree.children[2]).toBe(1);
    expect(tree.heads()).toEqual([7, 9]);
  });

  test("the future is what descends, not what came later", () => {
    const tree = treeOf();
    const future = (row: number) => [...tree.future(row)].flatMap((mark, i) => (mark ? [i] : []));
    expect(future(2)).toEqual([3, 4, 5, 6, 7]);
    expect(future(8)).toEqual([9]);
    expect(future(9)).toEqual([]);
    expect(future(-1)).toEqual([]);
  });

  test("the child is the newest in the same namespace", () => {
    const tree = treeOf();
    expect(tree.childOf(1)).toBe(8);
    expect(tree.childOf(2)).toBe(7);
    expect(tree.childOf(4)).toBe(6);
    expect(tree.childOf(9)).toBe(-1);
  });

  test("a patch brings new facts about a row", () => {
    const tree = treeOf();
    tree.patch({ row: 9, flags: 8, title: ["agent", "tools"], changed: ["x"] });
    expect(tree.flags[9]).toBe(8);
    expect(tree.titles[9]).toEqual(["agent", "tools"]);
    tree.patch({ row: 99, flags: 8, title: [], changed: [] });
    expect(tree.length).toBe(10);
  });
});

describe("VisibleRows", () => {
  test("newest on top, every row", () => {
    const visible = new VisibleRows(treeOf(), new Set());
    expect(visible.count).toBe(10);
    expect(visible.rowAt(0)).toBe(9);
    expect(visible.rowAt(9)).toBe(0);
    expect(visible.rowAt(10)).toBe(-1);
    for (let row = 0; row < 10; row++) expect(visible.rowAt(visible.positionOf(row))).toBe(row);
  });

  test("collapsing a call hides the calls inside it", () => {
    const visible = new VisibleRows(treeOf(), new Set([2]));
    expect(visible.count).toBe(6);
    expect(visible.positionOf(5)).toBe(-1);
    expect(visible.positionOf(2)).toBe(3);
    expect(new VisibleRows(treeOf(), new Set([4])).count).toBe(9);
  });

  test("many inner steps start collapsed, few do not", () => {
    expect(collapsedAtFirst(treeOf())).toEqual(new Set());
    const many: RowSpec[] = [{ label: "c0", parent: -1 }];
    for (let i = 1; i <= 20; i++) many.push({ label: `c0.${i}`, parent: i - 1, depth: 1 });
    expect(collapsedAtFirst(treeOf(many))).toEqual(new Set([0]));
  });
});

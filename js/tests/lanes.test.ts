import { expect, test } from "vitest";
import { decodeTree } from "../src/source/columns";
import { type Edge, LaneIndex } from "../src/state/lanes";
import { TreeModel } from "../src/state/tree";
import { batchOf, type RowSpec } from "./kernel";

/** A random tree with lanes as Python gives them: the lowest that is free on all rows above the parent's. */
function randomRows(size: number, seed: number): RowSpec[] {
  let state = seed;
  const random = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
  const rows: RowSpec[] = [{ label: "c0", parent: -1, lane: 0 }];
  const last: number[] = [0];
  for (let row = 1; row < size; row++) {
    const parent = random() < 0.7 ? row - 1 : Math.floor(random() * row);
    let lane = rows[parent]?.lane as number;
    if (last[lane] !== parent) {
      lane = 0;
      while ((last[lane] ?? -1) > parent) lane++;
    }
    last[lane] = row;
    rows.push({ label: `c${row}`, parent, lane });
  }
  return rows;
}

function treeOf(specs: readonly RowSpec[]): TreeModel {
  const tree = new TreeModel();
  const { tree: batch, buffers } = batchOf(specs);
  tree.append(decodeTree(batch, buffers));
  return tree;
}

const sorted = (edges: Edge[]) => edges.map((edge) => edge.child).sort((a, b) => a - b);

test("a window finds exactly the edges that touch it", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const tree = treeOf(randomRows(120, seed));
    const lanes = new LaneIndex().update(tree);
    for (const [low, high] of [
      [0, 119],
      [0, 3],
      [40, 55],
      [110, 119],
      [60, 60],
    ] as const) {
      const found: Edge[] = [];
      lanes.query(tree, low, high, (edge) => found.push(edge));
      const expected: Edge[] = [];
      for (let child = 0; child < tree.length; child++) {
        const parent = tree.parent[child] as number;
        if (parent >= 0 && child >= low && parent <= high) expected.push({ child, parent });
      }
      expect(sorted(found), `seed ${seed}, rows ${low} to ${high}`).toEqual(sorted(expected));
    }
  }
});

test("rows that come later are taken in", () => {
  const rows = randomRows(60, 5);
  const tree = new TreeModel();
  const lanes = new LaneIndex();
  for (let start = 0; start < 60; start += 7) {
    const { tree: batch, buffers } = batchOf(rows.slice(0, start + 7), start);
    tree.append(decodeTree(batch, buffers));
    lanes.update(tree);
  }
  const found: Edge[] = [];
  lanes.query(tree, 0, 59, (edge) => found.push(edge));
  expect(found.length).toBe(59);
  expect(lanes.max).toBe(Math.max(...rows.map((row) => row.lane as number)));
});

test("a window of a long thread looks at few edges", () => {
  const rows = Array.from({ length: 100_000 }, (_, row) => ({ label: `c${row}`, parent: row - 1 }));
  const tree = treeOf(rows);
  const lanes = new LaneIndex().update(tree);
  let visited = 0;
  lanes.query(tree, 50_000, 50_030, () => visited++);
  expect(visited).toBe(32);
});

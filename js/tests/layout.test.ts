import { describe, expect, it } from "vitest";
import { bestFit, curve, fits, LONGEST, place, SMALLEST, short } from "../src/lib/layout";
import type { Topology } from "../src/protocol";

function chain(n: number, back = false): Topology {
  const names = Array.from({ length: n }, (_, i) => `n${i}`);
  const edge = (source: string, target: string) => ({ source, target, conditional: false, label: null });
  return {
    nodes: names.map((id) => ({ id, name: id, kind: "node" as const })),
    edges: [
      ...names.slice(1).map((name, i) => edge(names[i] as string, name)),
      ...(back ? [edge(names[n - 1] as string, names[0] as string)] : []),
    ],
  };
}

describe("place", () => {
  it("draws each node once, none over another", () => {
    const drawing = place(chain(12, true), "LR");
    expect(drawing.nodes).toHaveLength(12);
    for (const a of drawing.nodes)
      for (const b of drawing.nodes)
        if (a !== b) {
          const apart =
            Math.abs(a.x - b.x) >= (a.width + b.width) / 2 ||
            Math.abs(a.y - b.y) >= (a.height + b.height) / 2;
          expect(apart).toBe(true);
        }
  });
  it("leads on from left to right, and from top to bottom", () => {
    const across = place(chain(4), "LR").nodes.map((one) => one.x);
    expect(across).toEqual([...across].sort((a, b) => a - b));
    const down = place(chain(4), "TB").nodes.map((one) => one.y);
    expect(down).toEqual([...down].sort((a, b) => a - b));
  });
  it("ends an edge at the side of its node that faces the other", () => {
    const drawing = place(chain(2), "LR");
    const [a, b] = drawing.nodes;
    const path = drawing.edges[0]?.path ?? "";
    const numbers = path.match(/-?[\d.]+/g)?.map(Number) ?? [];
    expect(numbers[0]).toBeCloseTo((a?.x ?? 0) + (a?.width ?? 0) / 2, 0);
    expect(numbers.at(-2)).toBeCloseTo((b?.x ?? 0) - (b?.width ?? 0) / 2, 0);
  });
  it("draws self loops, two edges between two nodes, and leaves out an edge to nowhere", () => {
    const topology = chain(2);
    topology.edges.push(
      { source: "n0", target: "n0", conditional: true, label: "again" },
      { source: "n0", target: "n1", conditional: true, label: null },
      { source: "n0", target: "gone", conditional: false, label: null },
    );
    const { edges } = place(topology, "LR");
    expect(edges.map((edge) => edge.target)).toEqual(["n1", "n0", "n1"]);
    expect(edges.every((edge) => edge.path.startsWith("M") && !edge.path.includes("NaN"))).toBe(true);
  });
});

describe("bestFit", () => {
  it("turns a long graph to stand upright in a tall box", () => {
    const graph = chain(8);
    expect(bestFit(graph, 900, 60).drawing.width).toBeGreaterThan(bestFit(graph, 120, 900).drawing.width);
  });
  it("never draws larger than life, nor too small to read", () => {
    expect(bestFit(chain(2), 5000, 5000).scale).toBe(1);
    expect(bestFit(chain(40), 200, 100).scale).toBe(SMALLEST);
  });
  it("knows whether all of it is seen", () => {
    expect(fits(chain(3), 400, 100)).toBe(true);
    expect(fits(chain(40), 200, 100)).toBe(false);
  });
});

it("keeps both ends of a long name", () => {
  const name = "retrieve_documents_from_the_index_v2";
  expect(short(name)).toHaveLength(LONGEST);
  expect(short(name)).toMatch(/^retrieve_.*…_?.*_v2$/);
  expect(short("agent")).toBe("agent");
});

it("draws nothing of no points", () => expect(curve([], "LR")).toBe(""));

import { beforeEach, describe, expect, test } from "vitest";
import { MemoryState } from "../src/state/memory";
import { above, OUTLINE_PAGE, Outline, refOf } from "../src/state/outline";
import type { Store } from "../src/state/store";
import { Recorded } from "./recorded";

let asked: [ref: string, offset: number][];
let changes: number;

beforeEach(() => {
  asked = [];
  changes = 0;
});

function outline(expanded = new Set<string>()): Outline {
  const source = new Recorded("places");
  const fetch = (ref: string, offset: number, limit: number) => {
    asked.push([ref, offset]);
    return source.request("memory_list", { checkpoint: null, ref, offset, limit });
  };
  return new Outline(fetch, expanded, () => changes++);
}

function rows(of: Outline, from = 0, to = of.count): string[] {
  return Array.from({ length: to - from }, (_, i) => {
    const row = of.rowAt(from + i);
    return `${" ".repeat(row?.depth ?? 0)}${row === null ? "?" : (refOf(row) ?? "…")}`;
  });
}

describe("an outline", () => {
  test("unfolds what is small, not what is large", async () => {
    const list = outline();
    await list.load(true);
    expect(rows(list)).toEqual([
      '["users"]',
      ' ["users","ada"]',
      '  ["users","ada","diet"]',
      '  ["users","ada","home"]',
      ' ["users","bob"]',
      '  ["users","bob","diet"]',
      '["zones"]',
    ]);
    expect(list.rowAt(5)).toMatchObject({ position: 0, size: 1, parent: 4, expanded: false });
    expect(list.rowAt(7)).toBeNull();
  });

  test("folds, and unfolds again what was unfolded below", async () => {
    const list = outline();
    await list.load(true);
    await list.toggle(0);
    expect(rows(list)).toEqual(['["users"]', '["zones"]']);
    await list.toggle(0);
    expect(list.count).toBe(7);
    await list.ensure(0, 7);
    expect(rows(list)[2]).toBe('  ["users","ada","diet"]');
  });

  test("loads only the pages that are looked at", async () => {
    const list = outline(new Set(['["zones"]']));
    await list.load(false);
    expect(list.count).toBe(2_002);
    asked = [];
    await list.ensure(1_000, 1_040);
    expect(asked).toEqual([
      ['["zones"]', 900],
      ['["zones"]', 1_000],
    ]);
    expect(rows(list, 1_002, 1_003)).toEqual([' ["zones","key 1000"]']);
    expect(list.rowAt(1_500)?.kind).toBe("pending");
    expect(list.rowAt(2_001)).toMatchObject({ depth: 1, position: 1_999, parent: 1 });
  });

  test("asks for a page once", async () => {
    const list = outline(new Set(['["zones"]']));
    await list.load(false);
    asked = [];
    await Promise.all([list.ensure(2, 30), list.ensure(2, 30)]);
    expect(asked).toEqual([['["zones"]', 0]]);
    await list.ensure(2, OUTLINE_PAGE);
    expect(asked).toHaveLength(1);
  });

  test("finds the place of an item", async () => {
    const list = outline();
    await list.load(true);
    expect(list.placeOf('["users","bob","diet"]')).toBe(5);
    expect(list.placeOf("nowhere")).toBe(-1);
  });

  test("goes on unfolding where an earlier one was interrupted", async () => {
    const list = outline(new Set(['["users"]']));
    await list.load(true);
    expect(list.count).toBe(7);
  });

  test("names the namespaces of an item as Python does", () => {
    expect(above('["a","zo\\u00eb","k"]')).toEqual(['["a"]', '["a","zo\\u00eb"]']);
  });
});

describe("the memory that is shown", () => {
  test("unfolds what is there now and was not then, until somebody folds", async () => {
    const then = ["users"];
    const now = ["users", "zones"];
    const request = async (
      _method: string,
      { checkpoint, ref }: { checkpoint: string | null; ref: string },
    ) => {
      const [namespace] = JSON.parse(ref);
      if (namespace) return { namespaces: [], items: [{ ref: JSON.stringify([namespace, "k"]) }], total: 1 };
      const shown = (checkpoint === null ? now : then).map((name) => ({
        ref: JSON.stringify([name]),
        children: 1,
      }));
      return { namespaces: shown, items: [], total: shown.length };
    };
    const state = new MemoryState({ source: { request } } as unknown as Store);
    await state.reload("c1");
    expect(state.outline.value?.count).toBe(2);
    await state.reload(null);
    expect(state.outline.value?.count).toBe(4);
    await state.toggle(0);
    await state.reload("c1");
    expect(state.outline.value?.count).toBe(1);
    await state.reload(null);
    expect(state.outline.value?.count).toBe(3);
  });
});

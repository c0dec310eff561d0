import { beforeEach, describe, expect, test } from "vitest";
import { FakeMemory } from "../dev/fake-memory";
import type { MemoryPage } from "../src/protocol";
import { above, OUTLINE_PAGE, Outline, refOf } from "../src/state/outline";

let memory: FakeMemory;
let asked: [ref: string, offset: number][];
let changes: number;

beforeEach(() => {
  memory = new FakeMemory();
  asked = [];
  changes = 0;
});

function outline(expanded = new Set<string>()): Outline {
  const fetch = async (ref: string, offset: number, limit: number): Promise<MemoryPage> => {
    asked.push([ref, offset]);
    const list = memory.answers.memory_list;
    return list?.({ checkpoint: null, ref, offset, limit }) as MemoryPage;
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
      '["many"]',
    ]);
    expect(list.rowAt(5)).toMatchObject({ position: 0, size: 1, parent: 4, expanded: false });
    expect(list.rowAt(7)).toBeNull();
  });

  test("folds, and unfolds again what was unfolded below", async () => {
    const list = outline();
    await list.load(true);
    await list.toggle(0);
    expect(rows(list)).toEqual(['["users"]', '["many"]']);
    await list.toggle(0);
    expect(list.count).toBe(7);
    await list.ensure(0, 7);
    expect(rows(list)[2]).toBe('  ["users","ada","diet"]');
  });

  test("loads only the pages that are looked at", async () => {
    const list = outline(new Set(['["many"]']));
    await list.load(false);
    expect(list.count).toBe(100_002);
    asked = [];
    await list.ensure(50_000, 50_040);
    expect(asked).toEqual([
      ['["many"]', 49_900],
      ['["many"]', 50_000],
    ]);
    expect(rows(list, 50_002, 50_003)).toEqual([' ["many","key 50000"]']);
    expect(list.rowAt(70_000)?.kind).toBe("pending");
    expect(list.rowAt(100_001)).toMatchObject({ depth: 1, position: 99_999, parent: 1 });
  });

  test("asks for a page once", async () => {
    const list = outline(new Set(['["many"]']));
    await list.load(false);
    asked = [];
    await Promise.all([list.ensure(2, 30), list.ensure(2, 30)]);
    expect(asked).toEqual([['["many"]', 0]]);
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

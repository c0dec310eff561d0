// Which element draws which row: those that stay keep theirs, and none is used twice in a window.
import { expect, it } from "vitest";
import { Slots } from "../src/view/tree/slots";

it("a row keeps its slot as the window moves and as rows come", () => {
  const slots = new Slots(40, 1000);
  expect(new Set(Array.from({ length: 40 }, (_, i) => slots.of(17 + i))).size).toBe(40);
  expect(slots.of(17)).toBe(new Slots(40, 1003).of(20));
});

it("a window that rests is in the order of its rows", () => {
  const slots = new Slots(40, 1000);
  expect(slots.order(17, 57, slots.of(17))).toEqual(Array.from({ length: 40 }, (_, i) => 17 + i));
});

it("a window that moves leaves elements where they are in the page", () => {
  const slots = new Slots(5, 100);
  const slotsOf = (positions: number[]) => positions.map((position) => slots.of(position));
  const first = slots.of(10);
  expect(slots.order(12, 17, first)).toEqual([15, 16, 12, 13, 14]);
  expect(slotsOf(slots.order(12, 17, first))).toEqual(slotsOf(slots.order(10, 15, first)));
});

it("each position of a short window comes once, whatever began", () => {
  const slots = new Slots(5, 7);
  for (let first = 0; first < 5; first++) {
    expect(slots.order(4, 7, first).sort()).toEqual([4, 5, 6]);
  }
  expect(new Slots(5, 0).order(0, 0, 0)).toEqual([]);
});

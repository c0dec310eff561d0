// A click on the strip beside the tree brings the row that it shows into the middle of the view.
import { signal } from "@preact/signals";
import { render } from "preact";
import { expect, it, vi } from "vitest";
import { ROW_HEIGHT, type ViewState } from "../src/state/view";
import { Minimap } from "../src/view/tree/minimap";

function viewOf(count: number, height: number): ViewState {
  return {
    height: signal(height),
    scroll: signal(0),
    dark: signal(false),
    visible: signal({ count, positionOf: (row: number) => row }),
    search: { rows: signal([]) },
    store: {
      revision: signal(0),
      tree: signal({ length: 0 }),
      selectedRow: signal(10),
      comparedRow: signal(-1),
    },
  } as unknown as ViewState;
}

function clicked(view: ViewState, y: number): number {
  const host = document.createElement("div");
  const scrollTo = vi.fn();
  render(<Minimap view={view} scrollTo={scrollTo} />, host);
  const strip = host.querySelector('[data-testid="lgviz-minimap"]') as HTMLElement;
  strip.setPointerCapture = () => undefined;
  strip.dispatchEvent(new PointerEvent("pointerdown", { clientY: y, buttons: 1 }));
  expect(scrollTo).toHaveBeenCalledTimes(1);
  return scrollTo.mock.calls[0]?.[0] as number;
}

it("a long thread is scaled to the strip", () => {
  const top = clicked(viewOf(1000, 300), 150);
  expect(top).toBeCloseTo(500 * ROW_HEIGHT - 150);
});

it("a short thread lies beside its rows", () => {
  expect(clicked(viewOf(5, 300), 60)).toBeCloseTo(60 - 150);
});

it("the selected row has its tick", () => {
  const host = document.createElement("div");
  render(<Minimap view={viewOf(1000, 300)} scrollTo={() => undefined} />, host);
  const tick = host.querySelector<HTMLElement>(".is-selected");
  expect(tick?.style.transform).toBe("translateY(2px)");
});

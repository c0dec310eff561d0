// Presenting: what keys mean there, what is shown of a checkpoint, and that nothing behind hears them.
import { render } from "preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { help, moveOf } from "../src/lib/keyboard";
import { bestFit } from "../src/lib/layout";
import { still } from "../src/lib/still";
import { aheadOf } from "../src/state/ahead";
import { Store } from "../src/state/store";
import { ViewState } from "../src/state/view";
import { App } from "../src/view/app";
import { answers, idOf, type Name, Recorded } from "./recorded";

let host: HTMLElement;
let view: ViewState;
let source: Recorded;

async function opened(name: Name, label: string): Promise<void> {
  source = new Recorded(name);
  view = new ViewState(new Store(source));
  await view.store.openThread("1");
  view.store.select(idOf(view.store, label));
  render(<App view={view} height={null} />, host);
  await vi.waitFor(() => expect(host.querySelector(".lgviz-name")).not.toBeNull());
}

const present = () => host.querySelector<HTMLElement>('[data-testid="lgviz-present"]');
const hint = () => host.querySelector<HTMLElement>('[data-testid="lgviz-present-hint"]');

function press(key: string, shiftKey = false, on: Element | null = present()): void {
  const init = { key, shiftKey, bubbles: true, cancelable: true };
  (on ?? host.querySelector('[data-testid="lgviz-tree"]'))?.dispatchEvent(new KeyboardEvent("keydown", init));
}

async function shows(label: string): Promise<void> {
  await vi.waitFor(() => expect(present()?.querySelector(".lgviz-checkpoint")?.textContent).toBe(label));
}

beforeEach(() => {
  host = document.createElement("div");
  document.body.append(host);
});

afterEach(() => {
  still.value = false;
  render(null, host);
  view?.dispose();
  view?.store.dispose();
  host.remove();
});

it("reads a clicker's keys, and leaves the browser its own", () => {
  const key = (name: string, more: object = {}) =>
    moveOf({ key: name, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });
  expect([" ", "PageDown", "ArrowRight", "PageUp", "Home", "End", "x"].map((name) => key(name))).toEqual([
    "on",
    "on",
    "on",
    "back",
    "first",
    "last",
    null,
  ]);
  expect(key(" ", { shiftKey: true })).toBe("back");
  expect(key("ArrowRight", { altKey: true })).toBeNull();
  still.value = true;
  expect(help().map(([keys]) => keys)).toContain("p");
});

it("goes along the branch, and back", async () => {
  await opened("two_nodes", "c2");
  press("p");
  await shows("c2");
  expect(view.maximised.value).toBe(true);
  await vi.waitFor(() =>
    expect(present()?.textContent).toContain("node_a ran first: the graph begins there."),
  );
  expect(hint()?.textContent).toBe("Space goes on to c4");
  press(" ");
  await shows("c4");
  press(" ", true);
  press("ArrowLeft");
  await shows("c1");
  press("End");
  await shows("c5");
  expect(hint()?.textContent).toBe("This branch ends here");
  press(" ");
  expect(view.store.selected.value).toBe(idOf(view.store, "c5"));
  const state = present()?.querySelector(".lgviz-present-state");
  await vi.waitFor(() => expect(state?.querySelector('[data-channel="bar"]')?.textContent).toContain('"b"'));
  press("f");
  press("n");
  expect(view.store.panel.value).toBeNull();
  press("Escape");
  await vi.waitFor(() => expect(present()).toBeNull());
  expect(view.maximised.value).toBe(false);
  view.maximised.value = true;
  view.present(true);
  view.present(false);
  expect(view.maximised.value).toBe(true);
});

it("runs nothing where a graph waits for an answer, nor where there is none", async () => {
  await opened("approval", "c9");
  press("p");
  await vi.waitFor(() => expect(hint()?.dataset.ahead).toBe("end"));
  await vi.waitFor(() => expect(hint()?.textContent).toBe("It waits for an answer: leave by Esc to give it"));
  press(" ");
  press(" ");
  expect(source.all("run_start")).toEqual([]);
});

it("says what would run before it runs it, and a held key runs nothing", async () => {
  await opened("approval", "c9");
  source.alter.checkpoint_get = (at) => ({ ...at, interrupts: [] });
  press("p");
  await vi.waitFor(() => expect(hint()?.dataset.ahead).toBe("run"));
  expect(hint()?.textContent).toBe("The branch ends here. Space asks to run review");
  present()?.dispatchEvent(new KeyboardEvent("keydown", { key: " ", repeat: true, bubbles: true }));
  expect(hint()?.dataset.ahead).toBe("run");
  press(" ");
  await vi.waitFor(() => expect(hint()?.textContent).toBe("Space runs review now, Esc does not"));
  press("Escape");
  await vi.waitFor(() => expect(hint()?.dataset.ahead).toBe("run"));
  expect(present()).not.toBeNull();
  expect(source.all("run_start")).toEqual([]);
  press(" ");
  await vi.waitFor(() => expect(hint()?.dataset.ahead).toBe("offered"));
  press(" ");
  await vi.waitFor(() => expect(source.all("run_start")).toHaveLength(1));
  const [request] = source.all("run_start");
  expect(request).toMatchObject({ checkpoint: idOf(view.store, "c9"), steps: 1, only: "unfinished" });
});

it("asks who predicts before it runs, and does not tell before", async () => {
  await opened("approval", "c9");
  source.alter.checkpoint_get = (at) => ({ ...at, interrupts: [] });
  source.alter.narration_get = (told) => [
    ...told,
    {
      text: "{next} comes next.",
      holes: { next: { kind: "names", texts: ["secret"], clauses: [], more: 0 } },
    },
  ];
  press("p");
  await vi.waitFor(() => expect(present()?.textContent).toContain("secret comes next."));
  view.store.predicting.toggle();
  await vi.waitFor(() => expect(present()?.textContent).not.toContain("secret"));
  await vi.waitFor(() => expect(hint()?.textContent).toBe("The branch ends here. Space asks to run ?"));
  expect(present()?.querySelector('[data-next="true"]')).toBeNull();
  view.store.predicting.asking.value = {
    question: { id: "1", text: "Which node comes next?", choices: [{ mark: "a", text: "`pay`" }] } as never,
    told: null,
    go: () => {},
  };
  await vi.waitFor(() => expect(host.querySelectorAll('[data-testid="lgviz-predict"]')).toHaveLength(1));
  const choice = present()?.querySelector<HTMLElement>('[data-testid="lgviz-predict-choice"]');
  press(" ", false, choice ?? null);
  expect(hint()?.dataset.ahead).toBe("run");
  press("Escape", false, choice ?? null);
  await vi.waitFor(() => expect(host.querySelector('[data-testid="lgviz-predict"]')).toBeNull());
  expect(present()).not.toBeNull();
});

it("offers no run of what can only be read", async () => {
  await opened("approval", "c9");
  const [at] = answers("approval", "checkpoint_get").filter((one) => one.label === "c9");
  const asked = at && { ...at, interrupts: [] };
  expect(aheadOf(view, asked)).toEqual({ kind: "run", nodes: "review" });
  view.store.onServer.value = true;
  expect(aheadOf(view, asked)).toEqual({ kind: "end", reason: "A LangGraph server cannot do this." });
  expect(aheadOf(view, undefined)).toEqual({ kind: "end", reason: "" });
});

it("draws the graph larger than the debugger does where there is room", async () => {
  await opened("two_nodes", "c2");
  const graph = view.store.topology.value;
  if (!graph) throw new Error("no graph");
  expect(bestFit(graph, 4000, 4000).scale).toBe(1);
  expect(bestFit(graph, 4000, 4000, 2.6).scale).toBe(2.6);
  expect(bestFit(graph, 300, 300, 2.6).scale).toBeLessThan(2.6);
});

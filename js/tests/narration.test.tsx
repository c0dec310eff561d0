// The selection told in sentences: under the inspector's head, in the reader's language, remembered.
import { render } from "preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { chooseLanguage } from "../src/lib/words";
import { Store } from "../src/state/store";
import { ViewState } from "../src/state/view";
import { App } from "../src/view/app";
import { answers, idOf, Recorded } from "./recorded";

let host: HTMLElement;
let source: Recorded;
let view: ViewState;

async function opened(): Promise<void> {
  source = new Recorded("two_nodes");
  view = new ViewState(new Store(source));
  await view.store.openThread("1");
  view.store.select(idOf(view.store, "c3"));
  render(<App view={view} height={null} />, host);
  await vi.waitFor(() => expect(host.querySelector(".lgviz-name")).not.toBeNull());
}

const told = () => host.querySelector('[data-testid="lgviz-narration"]');

async function says(words: string): Promise<void> {
  await vi.waitFor(() => expect(told()?.textContent).toContain(words));
}

beforeEach(async () => {
  host = document.createElement("div");
  document.body.append(host);
  await opened();
});

afterEach(() => {
  view.narrate(false);
  chooseLanguage(null);
  render(null, host);
  view.dispose();
  view.store.dispose();
  host.remove();
});

it("is asked for in the menu, follows the selection, and is remembered", async () => {
  expect(told()).toBeNull();
  expect(source.all("narration_get")).toEqual([]);
  host.querySelector<HTMLElement>('[data-testid="lgviz-menu"]')?.click();
  await vi.waitFor(() => expect(host.querySelector('[data-testid="lgviz-narrate"]')).not.toBeNull());
  host.querySelector<HTMLElement>('[data-testid="lgviz-narrate"]')?.click();
  await says("node_b ran after node_a: an edge leads there.");
  await says(
    'It wrote "b" to foo, which has no reducer, so "a" was replaced; and ["b"] to bar, whose reducer',
  );
  view.store.select(idOf(view.store, "c4"));
  await says("Back at c2, a new branch begins.");
  expect(localStorage.getItem("lgviz:narrate")).toBe("1");
  expect(new ViewState(view.store).narrating.value).toBe(true);
  view.narrate(false);
  await vi.waitFor(() => expect(told()).toBeNull());
  expect(localStorage.getItem("lgviz:narrate")).toBeNull();
});

it("draws names as names and values as values, and goes to a checkpoint", async () => {
  view.narrate(true);
  view.store.select(idOf(view.store, "c4"));
  await says("as if node_a had written");
  expect([...(told()?.querySelectorAll("b") ?? [])].map((one) => one.textContent)).toContain("operator.add");
  expect([...(told()?.querySelectorAll("code") ?? [])].map((one) => one.textContent)).toContain('"edited"');
  told()?.querySelector<HTMLElement>("button")?.click();
  expect(view.store.selected.value).toBe(idOf(view.store, "c2"));
});

it("is told in German, of the same names and values", async () => {
  chooseLanguage("de");
  view.narrate(true);
  await says(
    'Nach node_a lief node_b: dorthin führt eine Kante. Er schrieb "b" in foo, das keinen Reducer hat',
  );
  expect(told()?.textContent).toContain("; und ");
});

it("lists as Python does", async () => {
  view.narrate(true);
  source.alter.narration_get = () => [
    {
      text: "{who} wrote {what}.",
      holes: {
        who: { kind: "names", texts: ["a", "b", "c"], clauses: [], more: 2 },
        what: { kind: "values", texts: ["1", "<b>2</b>"], clauses: [], more: 0 },
      },
    },
  ];
  view.store.select(idOf(view.store, "c2"));
  await says("a, b, c and 2 more wrote 1 and <b>2</b>.");
  expect(answers("two_nodes", "narration_get").length).toBeGreaterThan(4);
});

// Rows that are rushed past are drawn without what nobody reads meanwhile, and whole once they rest.
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, it, vi } from "vitest";
import { KernelSource } from "../src/source/kernel";
import { Store } from "../src/state/store";
import { ROW_HEIGHT, ViewState } from "../src/state/view";
import { Tree } from "../src/view/tree/tree";
import { batchOf, Model, type RowSpec } from "./kernel";

const COUNT = 1000;
const LINE: RowSpec[] = Array.from({ length: COUNT }, (_, n) => ({
  label: `c${n}`,
  parent: n - 1,
  lane: 0,
  title: ["agent"],
  changed: ["messages"],
}));

afterEach(() => void vi.useRealTimers());

it("leaves chips, titles and dots out of rows that are rushed past", async () => {
  const model = new Model();
  const store = new Store(new KernelSource(model));
  const view = new ViewState(store);
  const host = document.createElement("div");
  document.body.append(host);
  const opened = store.openThread("1");
  const { tree, buffers } = batchOf(LINE);
  const thread = { thread_id: "1", count: COUNT, updated_at: null, status: "done" as const };
  const breakpoints = { before: [], after: [] };
  const none = { read_only: null, sandbox: null, breakpoints, lineage: { origin: null, forks: [] } };
  const more = { source: "graph", topology: null, selected: "id-c999", ...none };
  await model.answer("thread_open", { thread, tree, ...more }, buffers);
  await opened;
  vi.useFakeTimers();
  view.width.value = 600;
  await act(() => render(<Tree view={view} />, host));
  const to = (position: number) =>
    act(() => {
      view.scroll.value = position * ROW_HEIGHT;
    });
  const rest = () =>
    act(() => {
      vi.advanceTimersByTime(50);
    });
  const drawn = (position: number) => {
    const row = host.querySelector(`[data-label="c${COUNT - 1 - position}"]`);
    const text = (part: string) => row?.querySelector(part)?.textContent ?? null;
    const titled = row?.querySelector(".lgviz-node")?.getAttribute("title") === "agent";
    return [text(".lgviz-node"), text(".lgviz-chip"), titled, host.querySelector(".lgviz-dot") !== null];
  };
  await rest();
  await to(200); // one leap, as to a hit of the search
  expect(drawn(200)).toEqual(["agent", "messages", true, true]);
  await to(400); // and on, before the window came to rest
  expect(drawn(400)).toEqual(["agent", null, false, false]);
  await to(600);
  expect(drawn(600)).toEqual(["agent", null, false, false]);
  await rest();
  expect(drawn(600)).toEqual(["agent", "messages", true, true]);
  await to(604); // slower: most rows stay
  await to(608);
  expect(drawn(608)).toEqual(["agent", "messages", true, true]);
  render(null, host);
  view.dispose();
  store.dispose();
  host.remove();
});

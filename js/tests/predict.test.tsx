// Predicting before an act: what is asked, what goes on when, and what is told.
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ForkRequest } from "../src/protocol";
import { ProtocolError } from "../src/source/error";
import { plainRun } from "../src/state/acts";
import { Store } from "../src/state/store";
import { Predict } from "../src/view/inspector/predict";
import { idOf, Recorded } from "./recorded";

let source: Recorded;
let store: Store;
let host: HTMLElement;

beforeEach(async () => {
  source = new Recorded("two_nodes");
  store = new Store(source);
  await store.openThread("1");
  host = document.createElement("div");
  document.body.append(host);
  render(<Predict store={store} />, host);
  store.predicting.toggle();
});

afterEach(() => {
  render(null, host);
  host.remove();
  store.dispose();
});

const found = (name: string) => host.querySelector<HTMLElement>(`[data-testid="lgviz-predict${name}"]`);
const choice = (text: string) => {
  const labels = [...host.querySelectorAll("label")];
  return labels.find((label) => label.textContent === text)?.querySelector("input") as HTMLInputElement;
};

/** What is about to be done, and whether it was. */
function about(fork: ForkRequest | null = null, label = "c2") {
  const checkpoint = idOf(store, label);
  const run = fork ? null : plainRun(checkpoint, { steps: 1 });
  const done = vi.fn();
  void store.predicting.before({ checkpoint, fork, run }).then(done);
  return done;
}

const forked = (): ForkRequest => ({
  checkpoint: idOf(store, "c2"),
  values: { bar: { mode: "append", text: '["x"]' } },
  as_node: "node_a",
  goto: null,
  keep_siblings: false,
  note: null,
  configurable: "{}",
  sandbox: false,
});

it("waits for the answer, goes on, and says why it was right", async () => {
  const done = about();
  await vi.waitFor(() => expect(found("")?.textContent).toContain("Which nodes run in the next step?"));
  expect(document.activeElement).toBe(host.querySelector("input"));
  expect(done).not.toHaveBeenCalled();
  await act(() => choice("node_b").click());
  await act(() => found("-answer")?.click());
  await vi.waitFor(() => expect(found("-told")?.textContent).toContain("Right: node_b comes next."));
  expect(done).toHaveBeenCalledOnce();
  expect(found("-told")?.className).toContain("is-right");
  expect(host.querySelectorAll("input:disabled")).toHaveLength(3);
});

it("tells of a wrong one what is right", async () => {
  const done = about(forked());
  await vi.waitFor(() => expect(choice('["x"]')).toBeTruthy());
  await act(() => choice('["x"]').click());
  await act(() => found("-answer")?.click());
  await vi.waitFor(() => expect(found("-told")?.textContent).toContain('No: bar is ["a", "x"].'));
  expect(found("-told")?.className).toContain("is-wrong");
  expect(done).toHaveBeenCalledOnce();
});

it("sends nothing before something is chosen", async () => {
  about();
  await vi.waitFor(() => expect(found("-answer")).toBeTruthy());
  await act(() => found("-answer")?.click());
  expect(source.all("predict_answer")).toEqual([]);
});

it("goes on unanswered when it is skipped, and not at all when it is cancelled", async () => {
  const skipped = about();
  await vi.waitFor(() => expect(found("-skip")).toBeTruthy());
  await act(() => found("-skip")?.click());
  await vi.waitFor(() => expect(skipped).toHaveBeenCalledOnce());
  expect(found("")).toBeNull();
  const cancelled = about();
  await vi.waitFor(() => expect(found("-cancel")).toBeTruthy());
  await act(() => found("-cancel")?.click());
  expect(found("")).toBeNull();
  await Promise.resolve();
  expect(cancelled).not.toHaveBeenCalled();
});

it("asks nothing where nothing fits, where Python cannot, or where it is off", async () => {
  const nothing = about(null, "c0");
  await vi.waitFor(() => expect(nothing).toHaveBeenCalledOnce());
  source.refuse.predict_make = new ProtocolError("internal", "no");
  const failed = about();
  await vi.waitFor(() => expect(failed).toHaveBeenCalledOnce());
  store.predicting.toggle();
  const asked = source.all("predict_make").length;
  const off = about();
  await vi.waitFor(() => expect(off).toHaveBeenCalledOnce());
  expect(source.all("predict_make")).toHaveLength(asked);
  expect(found("")).toBeNull();
});

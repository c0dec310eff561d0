// A run at work: its row above the tree, its tasks in the inspector, and its nodes in the drawn graph.
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { LiveTask, RunView, ThreadView, Topology } from "../src/protocol";
import { KernelSource } from "../src/source/kernel";
import { innermost, nameOf, spent } from "../src/state/live";
import { Store } from "../src/state/store";
import { ViewState } from "../src/state/view";
import { App } from "../src/view/app";
import { batchOf, Model, ROWS } from "./kernel";

let model: Model;
let store: Store;
let view: ViewState;
let host: HTMLElement;

const TOPOLOGY: Topology = {
  nodes: ["agent", "sub"].map((id) => ({ id, name: id, kind: "node" as const })),
  edges: [{ source: "agent", target: "sub", conditional: false, label: null }],
};

beforeEach(async () => {
  model = new Model();
  store = new Store(new KernelSource(model));
  view = new ViewState(store);
  host = document.createElement("div");
  document.body.append(host);
  const opened = store.openThread("1");
  const { tree, buffers } = batchOf(ROWS);
  const thread = { thread_id: "1", count: ROWS.length, updated_at: null, status: "running" as const };
  const none = {
    read_only: null,
    untrusted: false,
    sandbox: null,
    breakpoints: { before: [], after: [] },
    lineage: { origin: null, forks: [] },
  };
  const body: ThreadView = { thread, tree, source: "graph", topology: TOPOLOGY, selected: "id-c3", ...none };
  await model.answer("thread_open", body, buffers);
  await opened;
  store.graphShown.value = true;
  await act(() => render(<App view={view} height={600} />, host));
});

afterEach(() => {
  render(null, host);
  host.remove();
  view.dispose();
  store.dispose();
});

function task(node: string, more: Partial<LiveTask> = {}): LiveTask {
  const rest = { namespace: "", status: "working" as const, elapsed: 800, text: "", more: 0, custom: [] };
  return { id: `id-${node}`, node, ...rest, ...more };
}

function run(number: number, more: Partial<RunView> = {}): Promise<void> {
  const none = {
    nodes: [],
    before: [],
    after: [],
    passed: [],
    warnings: [],
    cannot_cancel: null,
    error: null,
    reused: null,
  };
  const rest: RunView = { run: number, status: "running", checkpoint: "id-c3", ...none, ...more };
  return act(() => model.say({ event: "run", body: rest })) as Promise<void>;
}

function live(number: number, tasks: LiveTask[], thread_id = "1"): Promise<void> {
  const body = { run: number, thread_id, tasks, more: 0, custom: [] };
  return act(() => model.say({ event: "live", body })) as Promise<void>;
}

function all(id: string): HTMLElement[] {
  return [...host.querySelectorAll<HTMLElement>(`[data-testid="lgviz-${id}"]`)];
}

const words = (id: string) => all(id).map((element) => element.textContent);

it("says what a task says, in a row and in the inspector, until the run ends", async () => {
  await run(1, { nodes: ["agent"] });
  await live(1, [task("agent", { text: "Your policy\nallows" })]);
  expect(words("live-row")[0]).toMatch(/^…agentYour policy allowsat work 0\.\d s$/);
  expect(words("live-task")[0]).toMatch(/^agentat work 0\.\d sYour policy\nallows$/);
  await live(1, [task("agent", { text: "Your policy\nallows it" })]);
  expect(words("live-row")[0]).toContain("Your policy allows it");
  await run(1, { status: "done" });
  expect([all("live-row"), all("live-task")]).toEqual([[], []]);
  // What comes late changes nothing back.
  await live(1, [task("agent")]);
  expect(all("live-row")).toEqual([]);
});

it("names tasks inside a subgraph, and gathers those of one node", async () => {
  const sub = task("sub");
  const inner = { namespace: "sub:id-sub" };
  const tasks = [
    sub,
    task("judge", { ...inner, id: "j1", text: "one" }),
    task("judge", { ...inner, id: "j2", text: "two" }),
  ];
  await run(1, { nodes: ["sub", "judge", "judge"] });
  await live(1, tasks);
  expect(words("live-row")[0]).toMatch(/^…sub › judge × 2two/);
  expect(all("live-task").map((one) => one.dataset.node)).toEqual(["judge", "judge"]);
  expect(innermost(tasks).map((one) => one.id)).toEqual(["j1", "j2"]);
  expect(nameOf(task("x", { namespace: "a:1|b:2|3" }))).toBe("b › x");
});

it("lights the node that is at work, of a subgraph the node that called it", async () => {
  const lit = () => all("topology-node").filter((node) => node.dataset.running === "true");
  await run(1, { nodes: ["sub", "agent"] });
  await live(1, [task("sub"), task("agent", { namespace: "sub:id-sub" })]);
  await vi.waitFor(() => expect(lit().map((node) => node.dataset.node)).toEqual(["sub"]));
  expect(lit()[0]?.getAttribute("aria-label")).toContain("at work");
  await run(1, { status: "stopped" });
  expect(lit()).toEqual([]);
});

it("has a row for each of several runs on this thread, and none for others", async () => {
  for (const number of [1, 2, 3]) await run(number);
  await live(1, [task("agent")]);
  await live(2, [task("sub")]);
  await live(3, [task("agent")], "2");
  expect(all("live-row").map((row) => row.dataset.run)).toEqual(["1", "2"]);
});

it("leaves one who reads elsewhere alone", async () => {
  await run(1);
  await live(1, [task("agent", { text: "hello" })]);
  await act(() => store.select("id-c1"));
  expect(all("live-task")).toEqual([]);
  expect(all("live-row")).toHaveLength(1);
});

it("counts on by itself while a task is at work", () => {
  expect(spent(task("a"), 1_000, 1_500)).toBe(1_300);
  expect(spent(task("a", { status: "done" }), 1_000, 9_000)).toBe(800);
});

it("lays the rows out anew when a cell whose content was skipped is shown again", async () => {
  const rows = host.querySelector<HTMLElement>(".lgviz-window") as HTMLElement;
  const seen: string[] = [];
  const watcher = new MutationObserver((records) => seen.push(...records.map((one) => one.oldValue ?? "")));
  watcher.observe(rows, { attributes: true, attributeFilter: ["style"], attributeOldValue: true });
  const change = (skipped: boolean, at: Element) =>
    at.dispatchEvent(Object.assign(new Event("contentvisibilityautostatechange"), { skipped }));
  change(true, host);
  change(false, document.createElement("div"));
  await Promise.resolve();
  expect(seen).toEqual([]);
  change(false, host);
  await Promise.resolve();
  expect(seen.some((style) => style.includes("display: none"))).toBe(true);
  expect(rows.style.display).toBe("");
});

import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { optionText } from "../src/lib/answers";
import type { CheckpointView, ForkRequest, RunRequest } from "../src/protocol";
import { ProtocolError } from "../src/source/error";
import { Store } from "../src/state/store";
import { ViewState } from "../src/state/view";
import { Here } from "../src/view/find/here";
import { Inspector } from "../src/view/inspector/inspector";
import { Interrupts } from "../src/view/inspector/interrupts";
import { DotsMenu } from "../src/view/ui/dots";
import { answers, idOf, type Name, Recorded } from "./recorded";

let host: HTMLElement;
let source: Recorded;
let store: Store;

/** Plays a recording from here on; `pause` as in a `Recorded`. */
function play(name: Name, pause = 0): void {
  store?.dispose();
  source = new Recorded(name, pause);
  store = new Store(source);
}

async function open(label: string, thread: string | null = "1"): Promise<void> {
  await store.openThread(thread);
  store.select(id(label));
  render(<Inspector store={store} />, host);
  await vi.waitFor(() => expect(host.querySelector(".lgviz-checkpoint")?.textContent).toBe(label));
  await vi.waitFor(() => expect(host.querySelector(".lgviz-name")).not.toBeNull());
}

function id(label: string): string {
  return idOf(store, label);
}

function by(id: string, within: ParentNode = host): HTMLElement {
  const found = within.querySelector<HTMLElement>(`[data-testid="lgviz-${id}"]`);
  if (!found) throw new Error(`no ${id}`);
  return found;
}

function type(element: Element | null, text: string): void {
  (element as HTMLTextAreaElement).value = text;
  element?.dispatchEvent(new Event("input", { bubbles: true }));
}

function field(channel: string): HTMLElement {
  return host.querySelector(`[data-testid="lgviz-fork-field"][data-channel="${channel}"]`) as HTMLElement;
}

function drawn(node: string): HTMLElement {
  const found = host.querySelector<HTMLElement>(`[data-testid="lgviz-topology-node"][data-node="${node}"]`);
  if (!found) throw new Error(`no ${node}`);
  return found;
}

function chosen(node: string): boolean | undefined {
  return by("fork-as-node").querySelector<HTMLInputElement>(`input[value="${node}"]`)?.checked;
}

async function openFork(): Promise<void> {
  by("fork-open").click();
  await vi.waitFor(() => by("fork-values"));
}

/** The text field of a channel, once its value came. */
async function textOf(channel: string): Promise<HTMLTextAreaElement> {
  await vi.waitFor(() => expect(field(channel).querySelector("textarea")).not.toBeNull());
  return field(channel).querySelector("textarea") as HTMLTextAreaElement;
}

beforeEach(() => {
  host = document.createElement("div");
  document.body.append(host);
  play("agent");
});

afterEach(() => {
  render(null, host);
  host.remove();
  store.dispose();
});

describe("reading", () => {
  it("shows state as text, never as HTML", async () => {
    play("trip");
    await open("c2");
    await vi.waitFor(() => expect(host.textContent).toContain("<img src=x onerror=alert(1)>"));
    for (const tab of ["diff", "writes", "tasks", "why", "raw"]) {
      by(`tab-${tab}`).click();
      await vi.waitFor(() => expect(host.querySelector(".lgviz-card")).not.toBeNull());
    }
    expect(host.querySelector("img")).toBeNull();
  });

  it("says that a state is still being read where the one before it is to be edited", async () => {
    await open("c12");
    const here = new ViewState(store);
    render(
      <Here.Provider value={here}>
        <Inspector store={store} />
      </Here.Provider>,
      host,
    );
    await vi.waitFor(() => by("edit"));
    store.select(id("c5"));
    by("edit").click();
    expect(here.said.value).toBe("c5 is still being read");
    expect(store.panel.value).toBeNull();
  });

  it("moves between tabs by arrow keys", async () => {
    await open("c12");
    const state = by("tab-state");
    state.focus();
    state.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    await vi.waitFor(() => expect(by("tab-diff").getAttribute("aria-selected")).toBe("true"));
    expect(document.activeElement).toBe(by("tab-diff"));
    by("tab-diff").dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
    await vi.waitFor(() => expect(store.tab.value).toBe("raw"));
    expect(by("tab-state").tabIndex).toBe(-1);
  });

  it("has one element for each change of a diff", async () => {
    store.tab.value = "diff";
    await open("c12");
    await vi.waitFor(() =>
      expect(host.querySelectorAll('[data-testid="lgviz-diff-change"]')).toHaveLength(2),
    );
    expect(by("diff-between").textContent).toBe("c11 → c12");
  });

  it("asks for the diff against the second selection, and swapped", async () => {
    await open("c12");
    store.compare(id("c5"));
    await vi.waitFor(() => expect(by("diff-between").textContent).toBe("c5 → c12"));
    (host.querySelector(".lgviz-diff-head button") as HTMLElement).click();
    await vi.waitFor(() => expect(by("diff-between").textContent).toBe("c12 → c5"));
    expect(source.all("diff_get").at(-1)).toEqual({ before: id("c12"), after: id("c5"), internal: false });
  });

  it("reads a diff from the older to the newer, whichever was chosen first", async () => {
    await open("c5");
    store.compare(id("c12"));
    await vi.waitFor(() => expect(by("diff-between").textContent).toBe("c5 → c12"));
    expect(source.all("diff_get").at(-1)).toEqual({ before: id("c5"), after: id("c12"), internal: false });
    expect(by("tab-diff").textContent).toContain("c5 → c12");
  });

  it("compares two branches step by step, and stays while one walks along them", async () => {
    await open("c20");
    expect(host.querySelector('[data-testid="lgviz-tab-compare"]')).toBeNull();
    store.compare(id("c8"));
    await vi.waitFor(() => expect(by("tab-compare").textContent).toBe("Compare c6 ≠ c17"));
    by("tab-compare").click();
    await vi.waitFor(() =>
      expect(by("parted").textContent).toContain(
        "After c5 the way to c8 goes on with agent (c6), the way to c20 with update as tools (c17).",
      ),
    );
    expect(by("diff-change", by("parted")).dataset.kind).toBe("changed");
    const steps = [...host.querySelectorAll('[data-testid="lgviz-compare-step"]')];
    expect(steps.map((step) => step.querySelectorAll("button").length)).toEqual([1, 2, 2, 2]);
    steps[2]?.querySelector("button")?.click();
    expect([store.selected.value, store.compared.value]).toEqual([id("c7"), null]);
    await vi.waitFor(() =>
      expect(by("compare").querySelector('[aria-current="true"]')?.textContent).toBe("c7 tools"),
    );
    expect(by("tab-compare").textContent).toBe("Compare c6 ≠ c17");
    store.compare(null);
    await vi.waitFor(() => expect(store.tab.value).toBe("diff"));
    expect(host.querySelector('[data-testid="lgviz-tab-compare"]')).toBeNull();
  });

  it("says what did the same, and where one branch ends", async () => {
    await open("c20");
    store.tab.value = "compare";
    store.select(id("c16"), id("c8"));
    await vi.waitFor(() => expect(by("tab-compare").textContent).toBe("Compare c2 ≠ c9"));
    const same = [...host.querySelectorAll<HTMLElement>('[data-testid="lgviz-compare-step"]')];
    expect(same.map((step) => step.dataset.same)).toEqual([
      ...["false", "true", "true", "true", "true", "false", "false", "false"],
    ]);
    store.select(id("c8"), id("c5"));
    await vi.waitFor(() => expect(by("tab-compare").textContent).toBe("Compare — ≠ c6"));
    expect(by("parted").textContent).toContain("The way to c8 goes on with agent (c6), the way to c5 ends");
  });

  it("loads the children of a list when it is opened, page by page", async () => {
    play("trip");
    await open("c2");
    const fares = host.querySelector('[data-channel="fares"]') as HTMLElement;
    (fares.querySelector("button.lgviz-toggle") as HTMLElement).click();
    const more = () =>
      [...fares.querySelectorAll("button")].find((one) => one.textContent?.startsWith("show"));
    await vi.waitFor(() => expect(more()?.textContent).toBe("show 100 more of 9,870"));
    more()?.click();
    await vi.waitFor(() => expect(fares.textContent).toContain("{flight: 149, price: 249}"));
    expect(source.all("value_get")).toEqual([
      { checkpoint: id("c2"), channel: "fares", path: [], offset: 50, limit: 100 },
    ]);
  });

  it("says what failed, with a way to try again", async () => {
    await store.openThread("1");
    const remedy = "Choose another one in the tree.";
    source.refuse.checkpoint_get = new ProtocolError(
      "not_found",
      "Checkpoint c4 was deleted meanwhile.",
      remedy,
    );
    store.select(id("c4"));
    render(<Inspector store={store} />, host);
    await vi.waitFor(() => expect(by("error").textContent).toContain("Checkpoint c4 was deleted meanwhile."));
    expect(by("error").textContent).toContain(remedy);
  });

  it("asks anew when what is known about the checkpoint changes", async () => {
    await open("c13");
    const before = source.all("checkpoint_get").length;
    store.tree.value.patch({ row: store.selectedRow.value, flags: 8, title: ["tools"], changed: [] });
    store.revision.value++;
    await vi.waitFor(() => expect(source.all("checkpoint_get").length).toBe(before + 1));
  });

  it("cancels the answers of a selection that was left", async () => {
    play("agent", 50);
    await store.openThread("1");
    render(<Inspector store={store} />, host);
    store.select(id("c12"));
    await vi.waitFor(() => expect(source.all("checkpoint_get")).toContainEqual({ checkpoint: id("c12") }));
    store.select(id("c5"));
    await vi.waitFor(() => expect(host.querySelector(".lgviz-name")?.textContent).toBe("tools"), 2000);
    const left = source.asked.find((one) => JSON.stringify(one.params) === `{"checkpoint":"${id("c12")}"}`);
    expect(left?.aborted()).toBe(true);
  });
});

describe("what cannot be done", () => {
  it("stays reachable and says why", async () => {
    const readOnly = "checkpoints.db is opened read-only.";
    source.alter.thread_open = (opened) => ({ ...opened, read_only: readOnly });
    await open("c12");
    const fork = by("fork-open");
    expect(fork.getAttribute("aria-disabled")).toBe("true");
    expect(fork.title).toBe(readOnly);
    const why = document.getElementById(fork.getAttribute("aria-describedby") ?? "");
    expect(why?.textContent).toBe(readOnly);
    fork.click();
    by("run-here").click();
    expect(store.panel.value).toBeNull();
    expect(source.all("run_start")).toEqual([]);
  });

  it("is what a LangGraph server refuses, in the form of a fork and beside it", async () => {
    play("agent");
    source.alter.thread_open = (opened) => ({ ...opened, on_server: true });
    await open("c12");
    store.reuse.value = true;
    const refused = "A LangGraph server cannot do this.";
    by("more").click();
    await vi.waitFor(() => by("pin"));
    for (const item of [by("reuse"), by("pin")]) {
      expect([item.title, item.getAttribute("aria-disabled")]).toEqual([refused, "true"]);
    }
    expect(by("reuse").getAttribute("aria-checked")).toBe("false");
    by("more").click();
    expect(by("run-here").title).not.toContain("history");
    expect(by("step").title).toBe(refused);
    by("step").click();
    by("fork-open").click();
    await vi.waitFor(() => expect(field("messages")).not.toBeNull());
    expect(by("sandbox").title).toBe(refused);
    const set = by("fork-mode-set", field("messages"));
    expect([set.title, set.getAttribute("aria-disabled")]).toEqual([refused, "true"]);
    set.click();
    by("sandbox").click();
    const apart = by("fork-apart") as HTMLInputElement;
    expect([apart.disabled, apart.closest("label")?.title]).toEqual([true, refused]);
    expect(set.getAttribute("aria-pressed")).toBe("false");
    expect(source.all("run_start")).toEqual([]);
    expect(source.all("fork_commit")).toEqual([]);
  });

  it("is to run on where nothing comes next", async () => {
    await open("c20");
    expect(by("run-here").getAttribute("aria-disabled")).toBe("true");
    expect(by("run-here").title).toContain("Nothing comes after c20");
  });
});

describe("forking", () => {
  beforeEach(() => play("trip"));

  it("is answered by no history on a LangGraph server", async () => {
    source.alter.thread_open = (opened) => ({ ...opened, on_server: true });
    await open("c1");
    store.reuse.value = true;
    await openFork();
    type(await textOf("plan"), "ask first");
    const reuse = await vi.waitFor(() => by("reuse") as HTMLInputElement, 2000);
    expect([reuse.checked, reuse.disabled]).toEqual([false, true]);
    expect(reuse.closest("label")?.title).toBe("A LangGraph server cannot do this.");
    expect(source.all("dry_run")).toEqual([]);
  });

  it("previews after a pause, once, with what was touched", async () => {
    await open("c1");
    await openFork();
    const text = await textOf("plan");
    expect(text.value).toBe("look at the fares");
    for (const value of ["a", "as", "ask first"]) type(text, value);
    await vi.waitFor(() => expect(by("fork-next").textContent).toBe("search"), 2000);
    await vi.waitFor(
      () => expect(by("fork-preview").querySelector('[data-channel="plan"]')?.textContent).toContain("set"),
      2000,
    );
    const asked = source.all("fork_preview") as ForkRequest[];
    expect(asked.at(-1)?.edits).toEqual([{ channel: "plan", path: [], text: '"ask first"' }]);
    expect(asked.at(-1)?.values).toEqual({});
    expect(asked.length).toBeLessThanOrEqual(2);
    expect(source.all("fork_commit")).toEqual([]);
  });

  it("says before it runs what history answers, unless that is not wanted", async () => {
    await open("c1");
    await openFork();
    type(await textOf("plan"), "ask first");
    await vi.waitFor(
      () => expect(by("reuse-ahead").textContent).toBe(": history does not answer search"),
      2000,
    );
    by("reuse").click();
    await vi.waitFor(() => expect(host.querySelector('[data-testid="lgviz-reuse-ahead"]')).toBeNull());
    type(by("fork-note"), "what if");
    await vi.waitFor(() => expect(by("fork-run").getAttribute("aria-disabled")).toBe("false"), 3000);
    by("fork-run").click();
    await vi.waitFor(() => expect(source.all("run_start")).toHaveLength(1), 3000);
    expect(source.all("run_start")[0].reuse).toBeUndefined();
    expect(source.all("dry_run")).toHaveLength(1);
  });

  it("keeps its buttons back while a text is no JSON", async () => {
    await open("c1");
    await openFork();
    type(field("answers").querySelector("textarea"), "[{'a': 1}]");
    await vi.waitFor(() => expect(by("fork-commit").getAttribute("aria-disabled")).toBe("true"));
    expect(by("error", field("answers")).textContent).toContain("double quotes");
    by("fork-commit").click();
    expect(source.all("fork_commit")).toEqual([]);
  });

  it("requires a node where LangGraph cannot tell, chosen in the list or the graph", async () => {
    play("fan_out");
    await open("c4");
    await openFork();
    await vi.waitFor(() => expect(by("fork-commit").title).toContain("Choose the node"));
    drawn("weather").click();
    await vi.waitFor(() => expect(by("fork-commit").getAttribute("aria-disabled")).toBe("false"));
    expect(chosen("weather")).toBe(true);
  });

  it("does not take a node whose router raises", async () => {
    play("agent");
    await open("c0");
    await openFork();
    await vi.waitFor(() => drawn("agent"));
    drawn("agent").click();
    expect([drawn("agent").getAttribute("aria-disabled"), chosen("agent")]).toEqual(["true", false]);
  });

  it("sends on by a goto where a node routes that way", async () => {
    play("approval");
    await open("c2");
    await openFork();
    await vi.waitFor(() => drawn("review"));
    drawn("review").click();
    await vi.waitFor(() => expect(chosen("review")).toBe(true));
    const goto = by("fork-goto") as HTMLSelectElement;
    goto.value = "pay";
    goto.dispatchEvent(new Event("change", { bubbles: true }));
    await vi.waitFor(() => expect(by("fork-next").textContent).toBe("pay"), 2000);
  });

  it("commits, selects what it made, and runs it", async () => {
    play("trip", 60);
    await open("c1");
    await openFork();
    type(await textOf("plan"), "ask first");
    await vi.waitFor(() => expect(field("plan").dataset.touched).toBe("true"));
    type(by("fork-note"), "what if");
    await vi.waitFor(() => expect(by("fork-run").getAttribute("aria-disabled")).toBe("false"), 3000);
    by("fork-run").click();
    await vi.waitFor(() => expect(store.selected.value).toBe(id("c3")), 3000);
    expect(source.all("fork_commit")[0] as ForkRequest).toMatchObject({
      checkpoint: id("c1"),
      note: "what if",
      as_node: "__start__",
    });
    await vi.waitFor(
      () =>
        expect(source.all("run_start")[0] as RunRequest).toMatchObject({
          checkpoint: id("c3"),
          reuse: "all",
        }),
      3000,
    );
    expect(store.panel.value).toBeNull();
    await vi.waitFor(() => expect(by("stop").textContent).toBe("Stop"), 3000);
    by("stop").click();
    await vi.waitFor(() => expect(by("run").dataset.status).toBe("stopping"), 3000);
    await vi.waitFor(() => expect(by("run").dataset.status).toBe("stopped"), 3000);
    await vi.waitFor(() => expect(store.selected.value).toBe(id("c4")), 3000);
  });

  it("says how far the copy of a thread is, and stops it", async () => {
    play("trip", 60);
    await open("c1");
    await openFork();
    by("fork-apart").click();
    await vi.waitFor(() => expect(by("fork-commit").getAttribute("aria-disabled")).toBe("false"), 3000);
    const copies = source.copying();
    by("fork-commit").click();
    await vi.waitFor(() => expect(copies).toHaveLength(1));
    copies[0]?.onProgress?.({ done: 1200, total: 3000 });
    await vi.waitFor(() => expect(by("fork-copied").textContent).toBe("1,200 of 3,000 checkpoints copied"));
    by("fork-stop").click();
    await vi.waitFor(() => expect(by("fork-commit").getAttribute("aria-disabled")).toBe("false"));
    expect(copies[0]?.signal?.aborted).toBe(true);
    expect(host.querySelector('[data-testid="lgviz-fork-copied"]')).toBeNull();
    expect(host.querySelector('[data-testid="lgviz-error"]')).toBeNull();
  });

  it("says a refusal in place and keeps what was typed", async () => {
    source.refuse.fork_commit = new ProtocolError("refused", "The node refused it.", "Choose another.");
    await open("c1");
    await openFork();
    type(await textOf("plan"), "ask first");
    await vi.waitFor(() => expect(field("plan").dataset.touched).toBe("true"));
    by("fork-commit").click();
    await vi.waitFor(() => expect(by("error", by("fork")).textContent).toContain("The node refused it."));
    expect((await textOf("plan")).value).toBe("ask first");
    expect(store.selected.value).toBe(id("c1"));
  });

  it("keeps a draft while looking elsewhere", async () => {
    await open("c1");
    await openFork();
    type(await textOf("plan"), "ask first");
    await vi.waitFor(() => expect(field("plan").dataset.touched).toBe("true"));
    store.select(id("c2"));
    await vi.waitFor(() => expect(field("plan")?.dataset.touched).toBe("false"));
    store.select(id("c1"));
    await vi.waitFor(() => expect(field("plan")?.dataset.touched).toBe("true"));
  });
});

describe("the focus", () => {
  it("stays where a person types when a field that was on its way comes", async () => {
    play("trip", 60);
    await open("c1");
    await openFork();
    expect(field("plan").querySelector("textarea")).toBeNull();
    by("fork-note").focus();
    await textOf("plan");
    await new Promise(requestAnimationFrame);
    expect(document.activeElement).toBe(by("fork-note"));
  });

  it("stays in the debugger when what had it is removed", async () => {
    await open("c12");
    await openFork();
    const note = by("fork-note");
    note.focus();
    expect(document.activeElement).toBe(note);
    store.closeFork();
    await vi.waitFor(() => expect(document.activeElement).toBe(by("inspector")));
  });

  it("stays in the debugger when what had it is hidden", async () => {
    await open("c12");
    const pencil = by("edit");
    pencil.focus();
    expect(document.activeElement).toBe(pencil);
    store.openFork();
    await vi.waitFor(() => expect(pencil.closest("[hidden]")).not.toBeNull());
    // It holds the focus until the form is there and takes it.
    await vi.waitFor(() => expect(document.activeElement).not.toBe(pencil));
    expect(by("inspector").contains(document.activeElement)).toBe(true);
  });

  it("is at the menu again after one of its items acted, but where that takes it", async () => {
    const other = document.createElement("input");
    document.body.append(other);
    const items = [
      { name: "copy", act: vi.fn() },
      { name: "write", act: () => other.focus() },
    ];
    render(<DotsMenu label="More" testid="lgviz-menu" items={items} />, host);
    for (const [item, after] of [
      ["copy", by("menu")],
      ["write", other],
    ] as const) {
      by("menu").click();
      await vi.waitFor(() => expect(document.activeElement?.getAttribute("role")).toBe("menuitem"));
      [...host.querySelectorAll<HTMLElement>('[role="menuitem"]')]
        .find((one) => one.textContent === item)
        ?.click();
      await vi.waitFor(() => expect(host.querySelector('[role="menuitem"]')).toBeNull());
      expect(document.activeElement).toBe(after);
    }
    other.remove();
  });

  it("is left alone when the person moves elsewhere", async () => {
    const outside = document.createElement("button");
    document.body.append(outside);
    await open("c12");
    by("tab-state").focus();
    outside.focus();
    store.tab.value = "diff";
    await vi.waitFor(() => expect(by("tab-diff").getAttribute("aria-selected")).toBe("true"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(document.activeElement).toBe(outside);
    outside.remove();
  });
});

describe("resume", () => {
  it("goes on at a head with what has not finished, and nowhere else", async () => {
    const next = ["weather", "traffic", "events"];
    source.alter.checkpoint_get = (view) => ({ ...view, next, unfinished: ["traffic"] });
    await open("c12");
    expect(host.querySelector('[data-testid="lgviz-resume"]')).toBeNull();
    store.select(id("c20"));
    await vi.waitFor(() => by("resume"));
    expect(by("resume").title).toBe("Runs only traffic; weather, events finished already");
    expect(by("resume").classList).toContain("is-primary");
    by("resume").click();
    await vi.waitFor(() => expect(source.all("run_start")[0]).toMatchObject({ only: "unfinished" }));
  });
});

describe("interrupts", () => {
  beforeEach(() => play("trip"));

  it("are answered in place, only with what was typed", async () => {
    await open("c2");
    const [text] = host.querySelectorAll(".lgviz-question textarea");
    expect(by("resume").getAttribute("aria-disabled")).toBe("true");
    type(text as Element, "window");
    await vi.waitFor(() => expect(by("resume").textContent).toBe("Answer 1 of 2 & resume"));
    const view = answers("trip", "checkpoint_get").find((one) => one.id === id("c2"));
    const first = view?.interrupts[0]?.id as string;
    by("resume").click();
    await vi.waitFor(() =>
      expect(source.all("run_start")).toEqual([
        {
          checkpoint: id("c2"),
          resume: { [first]: "window" },
          until: null,
          configurable: null,
          sandbox: false,
        },
      ]),
    );
  });

  it("beside a task that failed: what is resumed by which button can be told", async () => {
    source.alter.checkpoint_get = (view) => ({ ...view, next: [...view.next, "pay"], unfinished: ["pay"] });
    await open("c2");
    expect(host.querySelectorAll('[data-testid="lgviz-resume"]')).toHaveLength(1);
    expect(by("interrupt").contains(by("resume"))).toBe(true);
    await vi.waitFor(() => expect(by("resume-unfinished").textContent).toBe("Resume"));
    expect(host.querySelector(".lgviz-summary")?.textContent).toBe("asks 2 questions");
  });

  it("that were answered are answered anew on request", async () => {
    await open("c2", "answered");
    expect(by("interrupt").textContent).toContain("was answered; answering anew makes a fresh fork");
    expect(by("interrupt").querySelector("textarea")).toBeNull();
    by("answer-anew").click();
    await vi.waitFor(() => expect(by("interrupt").querySelectorAll("textarea")).toHaveLength(2));
  });

  it("that were answered, and that failed, are open at once: to answer anew is to go into them", async () => {
    await open("c2", "answered");
    const answered = answers("trip", "checkpoint_get").find(
      ({ interrupts }) => interrupts.length > 0 && interrupts.every((interrupt) => interrupt.answered),
    ) as CheckpointView;
    render(
      <Interrupts store={store} view={{ ...answered, error: "ValueError('no')" }} stale={false} />,
      host,
    );
    expect(by("interrupt").textContent).toContain("was answered, and that failed");
    expect(by("interrupt").querySelectorAll("textarea")).toHaveLength(2);
    by("answer-anew").click();
    await vi.waitFor(() => expect(document.activeElement?.tagName).toBe("TEXTAREA"));
  });
});

it("offers the answers that a question names, and none of its own", () => {
  const asked = (name: Name) => answers(name, "checkpoint_get").flatMap((view) => view.interrupts);
  const named = asked("approval")[0]?.question.options ?? [];
  expect(named.map(({ label }) => label)).toEqual(["approve", "reject"]);
  expect(named.map(optionText)).toEqual(["approve", "reject"]);
  expect(asked("trip")[0]?.question.options).toEqual([]);
  expect(optionText({ label: "true", value: '"true"' })).toBe('"true"'); // the word, not the boolean
  expect(optionText({ label: "yes", value: "true" })).toBe("true");
});

describe("a run", () => {
  it("says how it ended once, and where, if that is in the open thread", async () => {
    await open("c2");
    const run = {
      run: 1,
      status: "interrupted" as const,
      nodes: [],
      before: ["tools"],
      after: [],
      passed: [],
    };
    const none = { cannot_cancel: null, warnings: [], error: null, reused: null };
    for (const [checkpoint, said] of [
      [id("c2"), "paused before tools at c2✕"],
      ["1f0c-of-another-thread", "paused before tools✕"],
    ] as const) {
      store.runs.value = new Map([[1, { ...run, ...none, checkpoint }]]);
      await vi.waitFor(() => expect(by("run").textContent).toBe(said));
    }
  });

  it("counts what history answered, and the tokens that were not bought", async () => {
    await open("c2");
    const none = {
      nodes: [],
      before: [],
      after: [],
      passed: [],
      cannot_cancel: null,
      warnings: [],
      error: null,
    };
    const run = { run: 1, status: "done" as const, checkpoint: id("c2"), ...none };
    for (const [calls, tokens, said] of [
      [0, 31_000, "done the run ended at c2 · 12 served, 2 ran, 31,000 tokens not bought✕"],
      [3, 0, "done the run ended at c2 · 12 served, 2 ran, 3 model calls answered✕"],
      [0, 0, "done the run ended at c2 · 12 served, 2 ran✕"],
    ] as const) {
      store.runs.value = new Map([[1, { ...run, reused: { served: 12, ran: 2, calls, tokens } }]]);
      const told = said.replace("done the", "donethe").replace(" · ", "");
      await vi.waitFor(() => expect(by("run").textContent).toBe(told));
    }
  });

  it("is followed until the person goes elsewhere", async () => {
    play("trip", 40);
    await open("c3", "answered");
    by("run-here").click();
    await vi.waitFor(() => expect(by("run").textContent).toContain("book"), 3000);
    await vi.waitFor(() => expect(store.selectedRow.value).toBe(5), 3000);
    store.select(id("c2"));
    await vi.waitFor(() => expect(by("run").dataset.status).toBe("done"), 5000);
    expect(store.selected.value).toBe(id("c2"));
  });
});

describe("the graph", () => {
  it("lights what ran and what comes next", async () => {
    store.graphShown.value = true;
    await open("c12");
    expect(drawn("agent").dataset.ran).toBe("true");
    expect(drawn("tools").dataset.next).toBe("true");
    expect(drawn("__start__").dataset.ran).toBe("false");
  });
});

describe("copy as Python", () => {
  it("shows the code, and says where the clipboard is denied", async () => {
    await open("c12");
    by("more").click();
    await vi.waitFor(() => by("copy-code").click());
    await vi.waitFor(() => expect(by("code").textContent).toContain("lgviz.history(graph"));
    expect(source.all("code_get")[0]).toEqual({ act: "select", checkpoint: id("c12") });
  });
});

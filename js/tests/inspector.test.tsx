import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeSource } from "../dev/fake";
import { node } from "../dev/fake-inspector";
import type { ForkRequest, RunRequest } from "../src/protocol";
import { ProtocolError } from "../src/source/error";
import type { Method, Params, RequestOptions, Result } from "../src/source/types";
import { Store } from "../src/state/store";
import { Inspector } from "../src/view/inspector/inspector";
import { quickAnswers } from "../src/view/inspector/interrupts";

/** The fake, with a record of what it was asked. */
class Recorded extends FakeSource {
  readonly asked: { method: Method; params: unknown; aborted: () => boolean }[] = [];
  refuse: Partial<Record<Method, ProtocolError>> = {};
  override request<M extends Method>(
    method: M,
    params: Params<M>,
    options: RequestOptions<M> = {},
  ): Promise<Result<M>> {
    this.asked.push({ method, params, aborted: () => options.signal?.aborted ?? false });
    const refused = this.refuse[method];
    return refused ? Promise.reject(refused) : super.request(method, params, options);
  }
  all<P>(method: Method): P[] {
    return this.asked.filter((one) => one.method === method).map((one) => one.params as P);
  }
}

let host: HTMLElement;
let source: Recorded;
let store: Store;

async function open(label: string): Promise<void> {
  await store.openThread("trip-42");
  store.select(`id-${label}`);
  render(<Inspector store={store} />, host);
  await vi.waitFor(() => expect(host.querySelector(".lgviz-checkpoint")?.textContent).toBe(label));
  await vi.waitFor(() => expect(host.querySelector(".lgviz-name")).not.toBeNull());
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

async function openFork(): Promise<void> {
  by("fork-open").click();
  await vi.waitFor(() => by("fork-values"));
}

beforeEach(() => {
  host = document.createElement("div");
  document.body.append(host);
  source = new Recorded();
  store = new Store(source);
});

afterEach(() => {
  render(null, host);
  host.remove();
  store.dispose();
});

describe("reading", () => {
  it("shows state as text, never as HTML", async () => {
    await open("c9");
    await vi.waitFor(() => expect(host.textContent).toContain("<img src=x onerror=alert(1)>"));
    for (const tab of ["diff", "writes", "tasks", "raw"]) {
      by(`tab-${tab}`).click();
      await vi.waitFor(() => expect(host.querySelector(".lgviz-card")).not.toBeNull());
    }
    expect(host.querySelector("img")).toBeNull();
  });

  it("moves between tabs by arrow keys", async () => {
    await open("c9");
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
    await open("c9");
    await vi.waitFor(() =>
      expect(host.querySelectorAll('[data-testid="lgviz-diff-change"]')).toHaveLength(6),
    );
    expect(by("diff-between").textContent).toBe("c8 → c9");
  });

  it("asks for the diff against the second selection, and swapped", async () => {
    await open("c9");
    store.compare("id-c5");
    await vi.waitFor(() => expect(by("diff-between").textContent).toBe("c5 → c9"));
    (host.querySelector(".lgviz-diff-head button") as HTMLElement).click();
    await vi.waitFor(() => expect(by("diff-between").textContent).toBe("c9 → c5"));
    expect(source.all("diff_get").at(-1)).toEqual({ before: "id-c9", after: "id-c5", internal: false });
  });

  it("loads the children of a list when it is opened, page by page", async () => {
    await open("c12");
    const fares = host.querySelector('[data-channel="fares"]') as HTMLElement;
    (fares.querySelector("button.lgviz-toggle") as HTMLElement).click();
    const more = () =>
      [...fares.querySelectorAll("button")].find((one) => one.textContent?.startsWith("show"));
    await vi.waitFor(() => expect(more()?.textContent).toBe("show 100 more of 9,900"));
    more()?.click();
    await vi.waitFor(() => expect(fares.textContent).toContain("HAT119"));
    expect(source.all("value_get")).toEqual([
      { checkpoint: "id-c12", channel: "fares", path: [], offset: 20, limit: 100 },
    ]);
  });

  it("says what failed, with a way to try again", async () => {
    await store.openThread("trip-42");
    store.select("id-c4");
    render(<Inspector store={store} />, host);
    await vi.waitFor(() => expect(by("error").textContent).toContain("Checkpoint c4 was deleted meanwhile."));
    expect(by("error").textContent).toContain("Choose another one in the tree.");
  });

  it("asks anew when what is known about the checkpoint changes", async () => {
    await open("c13");
    const before = source.all("checkpoint_get").length;
    source.extend("id-c13", "agent");
    await vi.waitFor(() => expect(source.all("checkpoint_get").length).toBe(before + 1));
  });

  it("cancels the answers of a selection that was left", async () => {
    source.delay = 50;
    await store.openThread("trip-42");
    render(<Inspector store={store} />, host);
    store.select("id-c7");
    await vi.waitFor(() => expect(source.all("checkpoint_get")).toContainEqual({ checkpoint: "id-c7" }));
    store.select("id-c6");
    await vi.waitFor(() => expect(host.querySelector(".lgviz-name")?.textContent).toBe("critic"));
    const left = source.asked.find((one) => JSON.stringify(one.params) === '{"checkpoint":"id-c7"}');
    expect(left?.aborted()).toBe(true);
  });
});

describe("what cannot be done", () => {
  it("stays reachable and says why", async () => {
    source.readOnly = "checkpoints.db is opened read-only.";
    await open("c9");
    const fork = by("fork-open");
    expect(fork.getAttribute("aria-disabled")).toBe("true");
    expect(fork.title).toBe("checkpoints.db is opened read-only.");
    const why = document.getElementById(fork.getAttribute("aria-describedby") ?? "");
    expect(why?.textContent).toBe("checkpoints.db is opened read-only.");
    fork.click();
    by("run-here").click();
    expect(store.panel.value).toBeNull();
    expect(source.all("run_start")).toEqual([]);
  });

  it("is to run on where nothing comes next", async () => {
    await open("c13");
    expect(by("run-here").getAttribute("aria-disabled")).toBe("true");
    expect(by("run-here").title).toContain("Nothing comes after c13");
  });
});

describe("forking", () => {
  it("previews after a pause, once, with what was touched", async () => {
    await open("c9");
    await openFork();
    const text = field("plan").querySelector("textarea");
    for (const value of ['"a', '"as', '"ask first"']) type(text, value);
    await vi.waitFor(() => expect(by("fork-next").textContent).toBe("tools"), 2000);
    await vi.waitFor(() => expect(by("fork-preview").textContent).toContain("plan words changed"), 2000);
    const asked = source.all<ForkRequest>("fork_preview");
    expect(asked.at(-1)?.values).toEqual({ plan: { mode: "append", text: '"ask first"' } });
    expect(asked.length).toBeLessThanOrEqual(2);
    expect(source.all("fork_commit")).toEqual([]);
  });

  it("keeps its buttons back while a text is no JSON", async () => {
    await open("c9");
    await openFork();
    type(field("messages").querySelector("textarea"), "[{'a': 1}]");
    await vi.waitFor(() => expect(by("fork-commit").getAttribute("aria-disabled")).toBe("true"));
    expect(by("error", field("messages")).textContent).toContain("double quotes");
    by("fork-commit").click();
    expect(source.all("fork_commit")).toEqual([]);
  });

  it("requires a node where LangGraph cannot tell, chosen in the list or the graph", async () => {
    await open("c7");
    await openFork();
    await vi.waitFor(() => expect(by("fork-commit").title).toContain("Choose the node"));
    const node = (name: string) =>
      host.querySelector(`[data-testid="lgviz-topology-node"][data-node="${name}"]`) as HTMLElement;
    node("search_fares").click();
    expect(by("fork-commit").getAttribute("aria-disabled")).toBe("true");
    node("critic").click();
    await vi.waitFor(() => expect(by("fork-commit").getAttribute("aria-disabled")).toBe("false"));
    const radio = by("fork-as-node").querySelector<HTMLInputElement>('input[value="critic"]');
    expect(radio?.checked).toBe(true);
    const goto = by("fork-goto") as HTMLSelectElement;
    goto.value = "search_seats";
    goto.dispatchEvent(new Event("change", { bubbles: true }));
    await vi.waitFor(() => expect(by("fork-next").textContent).toBe("search_seats"), 2000);
  });

  it("commits, selects what it made, and runs it", async () => {
    await open("c9");
    await openFork();
    type(field("plan").querySelector("textarea"), '"ask first"');
    type(by("fork-note"), "what if");
    await vi.waitFor(() => expect(by("fork-run").getAttribute("aria-disabled")).toBe("false"));
    by("fork-run").click();
    await vi.waitFor(() => expect(store.selected.value).toBe("id-c14"));
    expect(source.all<ForkRequest>("fork_commit")[0]).toMatchObject({
      checkpoint: "id-c9",
      note: "what if",
      as_node: "agent",
    });
    await vi.waitFor(() => expect(source.all<RunRequest>("run_start")[0]?.checkpoint).toBe("id-c14"));
    expect(store.panel.value).toBeNull();
    await vi.waitFor(() => expect(by("stop").textContent).toBe("Stop"));
    by("stop").click();
    await vi.waitFor(() => expect(by("run").dataset.status).toBe("stopping"));
    await vi.waitFor(() => expect(by("run").dataset.status).toBe("stopped"), 3000);
    expect(store.selected.value).toBe("id-c15");
  });

  it("says a refusal in place and keeps what was typed", async () => {
    source.refuse.fork_commit = new ProtocolError("refused", "The node refused it.", "Choose another.");
    await open("c9");
    await openFork();
    type(field("plan").querySelector("textarea"), '"ask first"');
    await vi.waitFor(() => expect(field("plan").dataset.touched).toBe("true"));
    by("fork-commit").click();
    await vi.waitFor(() => expect(by("error", by("fork")).textContent).toContain("The node refused it."));
    expect(field("plan").querySelector("textarea")?.value).toBe('"ask first"');
    expect(store.selected.value).toBe("id-c9");
  });

  it("keeps a draft while looking elsewhere", async () => {
    await open("c9");
    await openFork();
    type(field("plan").querySelector("textarea"), '"ask first"');
    await vi.waitFor(() => expect(field("plan").dataset.touched).toBe("true"));
    store.select("id-c8");
    await vi.waitFor(() => expect(field("plan")?.dataset.touched).toBe("false"));
    store.select("id-c9");
    await vi.waitFor(() => expect(field("plan")?.dataset.touched).toBe("true"));
  });
});

describe("the focus", () => {
  it("stays in the debugger when what had it is removed", async () => {
    await open("c9");
    await openFork();
    const note = by("fork-note");
    note.focus();
    expect(document.activeElement).toBe(note);
    store.closeFork();
    await vi.waitFor(() => expect(document.activeElement).toBe(by("inspector")));
  });

  it("is left alone when the person moves elsewhere", async () => {
    const outside = document.createElement("button");
    document.body.append(outside);
    await open("c9");
    by("tab-state").focus();
    outside.focus();
    store.tab.value = "diff";
    await vi.waitFor(() => expect(by("tab-diff").getAttribute("aria-selected")).toBe("true"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(document.activeElement).toBe(outside);
    outside.remove();
  });
});

describe("interrupts", () => {
  it("are answered in place, only with what was typed", async () => {
    await open("c6");
    const [first] = host.querySelectorAll(".lgviz-question textarea");
    expect(by("resume").getAttribute("aria-disabled")).toBe("true");
    type(first as Element, "window");
    await vi.waitFor(() => expect(by("resume").textContent).toBe("Resume with 1 of 2"));
    by("resume").click();
    await vi.waitFor(() =>
      expect(source.all("run_start")).toEqual([
        { checkpoint: "id-c6", resume: { i2: "window" }, until: null, configurable: null, sandbox: false },
      ]),
    );
  });

  it("that were answered are answered anew on request", async () => {
    await open("c8");
    expect(by("interrupt").textContent).toContain("was answered; answering anew makes a fresh fork");
    expect(by("interrupt").querySelector("textarea")).toBeNull();
    by("answer-anew").click();
    await vi.waitFor(() => expect(by("interrupt").querySelectorAll("textarea")).toHaveLength(2));
  });
});

it("offers the answers that a question lists", () => {
  const listed = node({ question: "Pay?", answers: ["approve", "reject", { edit: 25 }] });
  expect(quickAnswers(listed)).toEqual(["approve", "reject"]);
  expect(quickAnswers(node("Pay?"))).toEqual(["true", "false"]);
  expect(quickAnswers(node({ options: [] }))).toEqual(["true", "false"]);
});

describe("a run", () => {
  it("is followed until the person goes elsewhere", async () => {
    await open("c12");
    by("run-here").click();
    await vi.waitFor(() => expect(store.selected.value).toBe("id-c14"), 3000);
    store.select("id-c5");
    await vi.waitFor(() => expect(by("run").dataset.status).toBe("done"), 5000);
    expect(store.selected.value).toBe("id-c5");
  });
});

describe("the graph", () => {
  it("lights what ran and what comes next", async () => {
    store.graphShown.value = true;
    await open("c9");
    const node = (name: string) =>
      host.querySelector(`[data-testid="lgviz-topology-node"][data-node="${name}"]`) as HTMLElement;
    expect(node("agent").dataset.ran).toBe("true");
    expect(node("tools").dataset.next).toBe("true");
    expect(node("user").dataset.ran).toBe("false");
  });
});

describe("copy as Python", () => {
  it("shows the code, and says where the clipboard is denied", async () => {
    await open("c9");
    by("copy-code").click();
    await vi.waitFor(() => expect(by("code").textContent).toContain("lgviz.history(graph"));
    expect(source.all("code_get")[0]).toEqual({ act: "select", checkpoint: "id-c9" });
  });
});

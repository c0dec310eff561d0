import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { memoryOf } from "../src/state/memory";
import { Store } from "../src/state/store";
import { Inspector } from "../src/view/inspector/inspector";
import { idOf, type Name, Recorded } from "./recorded";

const DIET = '["users","mia","facts","diet"]';

let host: HTMLElement;
let source: Recorded;
let store: Store;

function play(name: Name): void {
  store?.dispose();
  source = new Recorded(name);
  store = new Store(source);
}

async function open(label = "c9"): Promise<void> {
  await store.openThread("1");
  store.select(idOf(store, label));
  store.tab.value = "memory";
  render(<Inspector store={store} />, host);
}

function all(id: string): HTMLElement[] {
  return [...host.querySelectorAll<HTMLElement>(`[data-testid="lgviz-memory-${id}"]`)];
}

async function one(id: string): Promise<HTMLElement> {
  await vi.waitFor(() => expect(all(id).length).toBeGreaterThan(0));
  return all(id)[0] as HTMLElement;
}

function type(element: Element | null, text: string): void {
  (element as HTMLInputElement).value = text;
  element?.dispatchEvent(new Event("input", { bubbles: true }));
}

beforeEach(() => {
  host = document.createElement("div");
  document.body.append(host);
  play("memory");
});

afterEach(() => {
  render(null, host);
  host.remove();
  store.dispose();
});

describe("the Memory tab", () => {
  it("counts on the tab what the step changed, and opens the first of it", async () => {
    await open();
    await one("diff");
    expect(host.querySelector('[data-testid="lgviz-tab-memory"]')?.textContent).toBe("Memory 2");
    expect(memoryOf(store).chosen.value).toBe(DIET);
    expect(source.all("memory_list").at(-1)?.checkpoint).toBe(idOf(store, "c9"));
  });

  it("reads the present once switched to it", async () => {
    await open();
    const when = await one("when");
    [...when.querySelectorAll("button")].find((button) => button.textContent === "now")?.click();
    await vi.waitFor(() => expect(source.all("memory_list").at(-1)?.checkpoint).toBeNull());
    await vi.waitFor(() => expect(source.all("memory_item").at(-1)?.checkpoint).toBeNull());
  });

  it("shows values as text, never as HTML", async () => {
    const html = "<img src=x onerror=alert(1)>";
    source.alter.memory_changes = (all) => ({
      ...all,
      changes: all.changes.map((one) => ({ ...one, summary: html })),
    });
    await open();
    await vi.waitFor(() => expect(host.textContent).toContain(html));
    expect(host.querySelector("img")).toBeNull();
  });

  it("says an error of a filter in place, and is rid of it", async () => {
    await open();
    (await one("mode-filter")).click();
    type(await one("search"), '{"a": {"$near": 1}}');
    await vi.waitFor(() =>
      expect(host.textContent).toContain("The operator '$near' of the filter is unknown."),
    );
    (host.querySelector('[aria-label="Clear the search"]') as HTMLElement).click();
    await vi.waitFor(() => expect(host.textContent).not.toContain("$near"));
    await one("namespace");
  });

  it("edits only the present, and shows first what it will write", async () => {
    await open();
    const edit = await one("edit");
    expect(edit.getAttribute("aria-disabled")).toBe("true");
    memoryOf(store).past.value = false;
    await vi.waitFor(() => expect(all("edit")[0]?.getAttribute("aria-disabled")).toBe("false"));
    all("edit")[0]?.click();
    const form = await one("form");
    type(form.querySelector("textarea"), '{"text": ');
    await vi.waitFor(() => expect(all("write")[0]?.getAttribute("aria-disabled")).toBe("true"));
    type(form.querySelector("textarea"), '{"text": "tofu"}');
    await vi.waitFor(() => expect(all("plan")[0]?.textContent).toContain("will be written"), 2000);
    expect(source.all("memory_put")).toEqual([]);
    all("write")[0]?.click();
    await vi.waitFor(() =>
      expect(source.all("memory_put")[0]).toMatchObject({ ref: DIET, text: '{"text": "tofu"}' }),
    );
    await vi.waitFor(() => expect(all("form")).toHaveLength(0));
    await vi.waitFor(() => expect(all("open")[0]?.textContent).toContain("tofu"), 2000);
  });

  it("deletes after it asked", async () => {
    memoryOf(store).past.value = false;
    await open();
    await one("edit");
    const ref = '["users","ben","facts","diet"]';
    memoryOf(store).reveal(ref);
    await vi.waitFor(() => expect(all("open")[0]?.textContent).toContain("everything"));
    await vi.waitFor(() => expect(all("delete")[0]?.getAttribute("aria-disabled")).toBe("false"));
    all("delete")[0]?.click();
    const asked = await one("deletion");
    expect(asked.textContent).toContain("Delete diet from users › ben › facts?");
    expect(source.all("memory_delete")).toEqual([]);
    (await one("delete-confirm")).click();
    await vi.waitFor(() => expect(source.all("memory_delete")[0]).toMatchObject({ ref }));
    await vi.waitFor(() => expect(all("open")[0]?.textContent).toContain("not remembered now"), 2000);
  });

  it("goes to the checkpoint that wrote a version", async () => {
    await open("c4");
    await one("item");
    memoryOf(store).reveal(DIET);
    (await one("writer")).click();
    await vi.waitFor(() => expect(store.selected.value).toBe(idOf(store, "c9")));
  });

  it("says what a store that keeps no versions cannot show", async () => {
    source.alter.memory_open = (view) => ({ ...view, past: false, versions: false, changed: null });
    await open();
    expect((await one("note")).textContent).toContain("InMemoryStore keeps no versions");
    await vi.waitFor(() => expect(source.all("memory_list").at(-1)?.checkpoint).toBeNull());
    expect(all("version")).toHaveLength(0);
  });

  it("says how to give a store where there is none", async () => {
    play("agent");
    await open("c12");
    expect((await one("none")).textContent).toContain("store=store");
  });
});

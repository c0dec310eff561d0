import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeSource } from "../dev/fake";
import type { Method, Params, RequestOptions, Result } from "../src/source/types";
import { memoryOf } from "../src/state/memory";
import { Store } from "../src/state/store";
import { Inspector } from "../src/view/inspector/inspector";

class Recorded extends FakeSource {
  readonly asked: [Method, unknown][] = [];
  override request<M extends Method>(
    method: M,
    params: Params<M>,
    options: RequestOptions<M> = {},
  ): Promise<Result<M>> {
    this.asked.push([method, params]);
    return super.request(method, params, options);
  }
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever was asked.
  last(method: Method): any {
    return this.asked.findLast(([name]) => name === method)?.[1];
  }
}

let host: HTMLElement;
let source: Recorded;
let store: Store;

async function open(label = "c9"): Promise<void> {
  await store.openThread("trip-42");
  store.select(`id-${label}`);
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
  source = new Recorded();
  store = new Store(source);
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
    expect(host.querySelector('[data-testid="lgviz-tab-memory"]')?.textContent).toBe("Memory1");
    expect(memoryOf(store).chosen.value).toBe('["users","ada","diet"]');
    expect(source.last("memory_list").checkpoint).toBe("id-c9");
  });

  it("reads the present once switched to it", async () => {
    await open();
    const when = await one("when");
    [...when.querySelectorAll("button")].find((button) => button.textContent === "now")?.click();
    await vi.waitFor(() => expect(source.last("memory_list").checkpoint).toBeNull());
    await vi.waitFor(() => expect(source.last("memory_item").checkpoint).toBeNull());
  });

  it("shows values as text, never as HTML", async () => {
    await open();
    await vi.waitFor(() => expect(host.textContent).toContain("<img src=x onerror=alert(1)>"));
    expect(host.querySelector("img")).toBeNull();
  });

  it("says an error of a filter in place, and is rid of it", async () => {
    await open();
    (await one("mode-filter")).click();
    type(await one("search"), '{"a": {"$near": 1}}');
    await vi.waitFor(() => expect(host.textContent).toContain("The operator '$near' is unknown."));
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
    expect(source.last("memory_put")).toBeUndefined();
    all("write")[0]?.click();
    await vi.waitFor(() => expect(source.memory.items.get("users.ada.diet")).toBe("tofu"));
    await vi.waitFor(() => expect(all("form")).toHaveLength(0));
  });

  it("deletes after it asked", async () => {
    memoryOf(store).past.value = false;
    await open();
    await vi.waitFor(() => expect(all("delete")[0]?.getAttribute("aria-disabled")).toBe("false"));
    all("delete")[0]?.click();
    const asked = await one("deletion");
    expect(asked.textContent).toContain("Delete diet from users › ada?");
    expect(source.memory.items.has("users.ada.diet")).toBe(true);
    (await one("delete-confirm")).click();
    await vi.waitFor(() => expect(source.memory.items.has("users.ada.diet")).toBe(false));
  });

  it("goes to the checkpoint that wrote a version", async () => {
    await open();
    (await one("writer")).click();
    await vi.waitFor(() => expect(store.selected.value).toBe("id-c2"));
  });

  it("says what a store that keeps no versions cannot show", async () => {
    source.memory.view = {
      ...source.memory.view,
      store: "InMemoryStore",
      past: false,
      versions: false,
      changed: null,
    };
    await open();
    expect((await one("note")).textContent).toContain("InMemoryStore keeps no versions");
    await vi.waitFor(() => expect(source.last("memory_list").checkpoint).toBeNull());
    expect(all("version")).toHaveLength(0);
  });

  it("says how to give a store where there is none", async () => {
    source.memory.view = { ...source.memory.view, store: null };
    await open();
    expect((await one("none")).textContent).toContain("store=store");
  });
});

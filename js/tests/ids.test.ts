// Ids on a page with several debuggers: none twice, and what refers to one finds it in its own display.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Mounted } from "../src/mount";
import { idOf, type Name, Recorded } from "./recorded";

const REFERRING = [
  "for",
  "aria-activedescendant",
  "aria-controls",
  "aria-describedby",
  "aria-details",
  "aria-errormessage",
  "aria-flowto",
  "aria-labelledby",
  "aria-owns",
  "list",
  "headers",
  "form",
];
/** A busy machine is waited for. */
const PATIENCE = 20_000;
let shown: { host: HTMLElement; mounted: Mounted }[] = [];

/** A display of a debugger, of a bundle of its own as each widget may bring one. */
async function show(name: Name, fresh: boolean): Promise<Mounted> {
  if (fresh) vi.resetModules();
  const { mount } = await import("../src/mount");
  const host = document.body.appendChild(document.createElement("div"));
  const mounted = mount(host, { source: new Recorded(name), threadId: "1" });
  shown.push({ host, mounted });
  await vi.waitFor(() => expect(host.querySelector("[role=tree] [id]")).not.toBeNull(), PATIENCE);
  return mounted;
}

/** The ids that stand more than once, the references that lead nowhere in their display, radio groups over two. */
function wrong(): string[] {
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  const found = ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `twice: ${id}`);
  for (const { host } of shown) {
    const known = new Set([...host.querySelectorAll("[id]")].map((element) => element.id));
    for (const element of host.querySelectorAll("*")) {
      const words = REFERRING.flatMap((name) => (element.getAttribute(name) ?? "").split(/\s+/));
      const parts = [...element.attributes].flatMap(({ name, value }) => [
        ...[...value.matchAll(/url\(["']?#([^"')]+)/g)].map((match) => match[1] as string),
        ...(name.endsWith("href") && value.startsWith("#") ? [value.slice(1)] : []),
      ]);
      for (const id of [...words, ...parts])
        if (id !== "" && !known.has(id)) found.push(`${element.tagName} → ${id}`);
    }
  }
  const groups = shown.map(({ host }) => new Set([...host.querySelectorAll("[type=radio]")].map(nameOf)));
  for (const [at, names] of groups.entries())
    for (const name of names)
      if (groups.some((other, i) => i < at && other.has(name))) found.push(`group ${name}`);
  return found;
}

function nameOf(element: Element): string {
  return element.getAttribute("name") ?? "";
}

/** Does the same in each display. */
async function each(act: (host: HTMLElement, mounted: Mounted) => void, until: string): Promise<void> {
  for (const { host, mounted } of shown) {
    act(host, mounted);
    await vi.waitFor(() => expect(host.querySelector(until)).not.toBeNull(), PATIENCE);
  }
}

function click(testid: string): (host: HTMLElement) => void {
  return (host) => host.querySelector<HTMLElement>(`[data-testid="lgviz-${testid}"]`)?.click();
}

function type(testid: string, text: string): (host: HTMLElement) => void {
  return (host) => {
    const field = host.querySelector(`[data-testid="lgviz-${testid}"]`) as HTMLInputElement;
    field.focus();
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
}

beforeEach(() => {
  shown = [];
});

afterEach(() => {
  for (const { host, mounted } of shown) {
    mounted.dispose();
    host.remove();
  }
});

it.each([
  ["two debuggers of two bundles", true],
  ["one debugger displayed twice", false],
])(
  "%s share no id, and each reference stays at home",
  async (_what, fresh) => {
    await show("agent", fresh);
    await show("agent", fresh);
    expect(document.querySelectorAll("[id]").length).toBeGreaterThan(20);
    expect(wrong()).toEqual([]);
    await each((_host, { store }) => store.select(idOf(store, "c5")), '[aria-selected="true"]');
    for (const tab of ["diff", "writes", "tasks", "why", "memory", "raw", "state"]) {
      await each(click(`tab-${tab}`), `[data-testid="lgviz-tab-${tab}"][aria-selected="true"]`);
      expect(wrong()).toEqual([]);
    }
    await each(click("thread-picker"), ".lgviz-threads .lgviz-option");
    expect(wrong()).toEqual([]);
    await each(click("thread-picker"), '[data-testid="lgviz-thread-picker"][aria-expanded="false"]');
    for (const { host } of shown) {
      click("more")(host); // a menu closes when the focus goes elsewhere
      await vi.waitFor(() => expect(host.querySelector('[role="menu"]')).not.toBeNull(), PATIENCE);
      click("copy-code")(host);
    }
    await each(() => {}, ".lgviz-popover");
    expect(wrong()).toEqual([]);
    await each(type("search", "flight"), ".lgviz-hits");
    expect(wrong()).toEqual([]);
    await each(click("fork-open"), '[data-testid="lgviz-fork-as-node"] [type=radio]');
    expect(document.querySelectorAll("[for], .lgviz-fork [aria-labelledby]").length).toBeGreaterThan(4);
    expect(wrong()).toEqual([]);
  },
  60_000,
);

it("the memory tab shares no id", async () => {
  await show("memory", true);
  await show("memory", true);
  await each((_host, { store }) => {
    store.select(idOf(store, "c9"));
    store.tab.value = "memory";
  }, '[data-testid="lgviz-memory-diff"]');
  expect(wrong()).toEqual([]);
});

it("questions share no id", async () => {
  const mounted = [await show("approval", true), await show("approval", true)];
  const at = mounted[0]?.store.tree.peek().labels.at(-1) ?? "";
  await each((_host, { store }) => store.select(idOf(store, at)), '[data-testid="lgviz-inspector"] [id]');
  expect(wrong()).toEqual([]);
});

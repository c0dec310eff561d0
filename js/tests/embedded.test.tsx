import { render } from "preact";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Exchange } from "../src/source/embedded";
import { Store } from "../src/state/store";
import { Inspector } from "../src/view/inspector/inspector";
import { idOf, type Name, RECORDINGS, Recorded } from "./recorded";

const host = document.createElement("div");
afterEach(() => {
  render(null, host);
  host.remove();
});

const DEMOS = (Object.keys(RECORDINGS) as Name[]).filter((name) => name !== "places");

describe.each(DEMOS)("the recording of %s", (name) => {
  it("is read in every tab at every checkpoint", async () => {
    const store = new Store(new Recorded(name));
    document.body.append(host);
    await store.openThread("1");
    expect(store.phase.value).toBe("ready");
    const exchanges: Exchange[] = RECORDINGS[name];
    const looked = exchanges
      .filter((one) => one.ask.method === "raw_get")
      .map((one) => one.ask.params.checkpoint);
    render(<Inspector store={store} />, host);
    for (const id of looked) {
      store.select(id as string);
      for (const tab of ["state", "diff", "writes", "tasks", "why", "raw"] as const) {
        store.tab.value = tab;
        const panel = () => host.querySelector('[role="tabpanel"]') as HTMLElement;
        await vi.waitFor(() => {
          expect(host.querySelector(".lgviz-head:not(.is-loading)")).not.toBeNull();
          expect(panel().querySelector('[aria-busy="true"]')).toBeNull();
          expect(["", "…"]).not.toContain(panel().textContent);
        });
        expect(host.querySelector('[data-testid="lgviz-error"]')?.textContent).toBeUndefined();
      }
    }
    store.dispose();
  });
});

it("answers what was not recorded with a refusal", async () => {
  const source = new Recorded("chat");
  await expect(source.request("search", { query: "x" })).rejects.toMatchObject({ code: "not_found" });
});

it("gives words for some rows of those that were recorded for all", async () => {
  const store = new Store(new Recorded("approval"));
  await store.openThread("1");
  const ids = [idOf(store, "c9"), idOf(store, "c5")];
  const marks = await store.source.request("rows_marks", { checkpoints: ids });
  expect(marks.map((mark) => mark.id).sort()).toEqual(ids.sort());
  store.dispose();
});

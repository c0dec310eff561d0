// The form of a new thread on a server that has several graphs: one of them is chosen.
import { render } from "preact";
import { expect, it, vi } from "vitest";
import type { StartForm } from "../src/protocol";
import type { Method, Params, RequestOptions, Result } from "../src/source/types";
import { Store } from "../src/state/store";
import { StartPanel, useStart } from "../src/view/start/start";
import { Recorded } from "./recorded";

/** Two graphs, of which one takes a message. */
class Several extends Recorded {
  override async request<M extends Method>(
    method: M,
    params: Params<M>,
    options: RequestOptions<M> = {},
  ): Promise<Result<M>> {
    if (method !== "start_form") return super.request(method, params, options);
    const { graph = "agent" } = params as Params<"start_form">;
    const chat = graph === "agent" ? "messages" : null;
    const rest = { thread_id: "t", input: null, context: null, configurable: "" };
    const form: StartForm = { ...rest, chat, graph, graphs: ["agent", "counter"] };
    return form as Result<M>;
  }
}

it("asks for the form of the graph that is chosen, and says it when it starts", async () => {
  const source = new Several("agent");
  const store = new Store(source);
  const host = document.createElement("div");
  document.body.append(host);
  const Opened = () => <StartPanel store={store} start={useStart(store, true)} />;
  store.openStart({ turn: false, thread: null });
  render(<Opened />, host);
  const by = (id: string) => host.querySelector<HTMLElement>(`[data-testid="lgviz-start-${id}"]`);
  await vi.waitFor(() => expect(by("message")).not.toBeNull());
  const graph = by("graph") as HTMLSelectElement;
  expect([graph.value, graph.options.length]).toEqual(["agent", 2]);
  graph.value = "counter";
  graph.dispatchEvent(new Event("change", { bubbles: true }));
  await vi.waitFor(() => expect(by("message")).toBeNull());
  expect((by("graph") as HTMLSelectElement).value).toBe("counter");
  by("run")?.click();
  await vi.waitFor(() => expect(source.all("thread_start")).toHaveLength(1));
  expect(source.all("thread_start")[0]).toMatchObject({ graph: "counter", message: null });
  render(null, host);
  host.remove();
  store.dispose();
});

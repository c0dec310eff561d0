// The loader: each display gets the debugger, whichever of them the kernel sends it to.
import { expect, it, vi } from "vitest";
import loader from "../src/loader";

it("gives a display the bundle that came for another one before it was asked for", async () => {
  vi.useFakeTimers();
  const sent: unknown[] = [];
  const model = { get: () => "stamp", on: () => {}, send: (what: unknown) => sent.push(what) };
  const display = loader();
  display.initialize({ model: model as never });
  const shown = display.render({ model, el: document.createElement("div") } as never);
  const bundles = (globalThis as { [key: symbol]: Map<string, unknown> })[Symbol.for("lgviz.bundles")];
  const end = () => {};
  bundles?.set("stamp", Promise.resolve({ default: { render: () => end } }));
  await vi.advanceTimersByTimeAsync(500);
  expect(await shown).toBe(end);
  expect(sent).toEqual([]);
  vi.useRealTimers();
});

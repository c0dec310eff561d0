// A saved page answers what the backend was recorded to answer of the same thread.
import { expect, it } from "vitest";
import { type PageData, PageSource } from "../src/source/page";
import type { Method, Params, Result } from "../src/source/types";
import { Recorded } from "./recorded";
import agent from "./recordings/agent.json";
import page from "./recordings/page.json";

interface Kept {
  say: [{ result: { head: PageData; parts: string[] } }];
}

const [{ say }] = page as unknown as [Kept];
const { head, parts } = say[0].result;
const saved = () => new PageSource(structuredClone(head), parts);

/** Each question of a kind that was recorded, with what was answered. */
async function asked<M extends Method>(method: M): Promise<[Params<M>, Result<M>][]> {
  const recorded = new Recorded("agent");
  const all = agent.filter(({ ask }) => ask.method === method).map(({ ask }) => ask.params as Params<M>);
  return Promise.all(all.map(async (params) => [params, await recorded.request(method, params)]));
}

/** Where the words of a text are told, Python cuts the text itself: a message has bounded size. */
function comparable(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer), (_, value) =>
    value?.words ? { ...value, before: null, after: null } : value,
  );
}

for (const method of [
  "checkpoint_get",
  "diff_get",
  "writes_get",
  "tasks_get",
  "why_get",
  "narration_get",
  "rows_marks",
] as const)
  it(`${method} is what Python says`, async () => {
    const source = saved();
    const questions = await asked(method);
    expect(questions.length).toBeGreaterThan(0);
    for (const [params, answer] of questions) {
      const found = await source.request(method, params as never);
      expect(comparable(found)).toEqual(comparable(answer));
    }
  });

it("compare_get is what Python says of the newest branches, and branches_get of all", async () => {
  const source = saved();
  const ids = new Set(["c8", "c16", "c20"].map((label) => head.opened.tree.ids[Number(label.slice(1))]));
  let compared = 0;
  for (const [params, answer] of await asked("compare_get")) {
    if (!ids.has(params.left) || !ids.has(params.right)) continue;
    expect(await source.request("compare_get", params)).toEqual(answer);
    compared++;
  }
  expect(compared).toBeGreaterThan(0);
  const [[, all]] = (await asked("branches_get")) as [[unknown, unknown]];
  expect(await source.request("branches_get", {})).toEqual(all);
});

it("blame_get is what Python says, and each part is found where it was", async () => {
  const source = saved();
  let places = 0;
  for (const [{ checkpoint }, { steps, parts }] of await asked("blame_get")) {
    const found = await source.request("blame_get", { checkpoint });
    const named = (of: typeof steps, all: typeof parts) =>
      all.map(({ step, ...part }) => ({ ...part, label: of[step]?.label, nodes: of[step]?.nodes }));
    expect(named(found.steps, found.parts)).toEqual(named(steps, parts));
    for (const { channel, path, line, step } of parts) {
      const target = steps[step]?.id as string;
      const place = await source.request("origin_find", { checkpoint, channel, path, line, target });
      expect(place.path).not.toBeNull();
      places++;
    }
  }
  expect(places).toBeGreaterThan(100);
});

it("it opens where it was told to, and cannot act", async () => {
  const source = saved();
  const opened = await source.request("thread_open", { thread_id: null });
  expect([opened.thread.thread_id, opened.tree.ids.length, opened.selected]).toEqual([
    "1",
    21,
    head.opened.selected,
  ]);
  expect([...opened.tree.parent].slice(0, 3)).toEqual([-1, 0, 1]);
  await expect(source.request("run_stop", { run: 1 })).rejects.toThrow("A saved page cannot do this.");
  const ends = { left: head.opened.tree.ids[2] as string, right: head.opened.tree.ids[20] as string };
  await expect(source.request("compare_get", ends)).rejects.toMatchObject({
    message: expect.stringContaining("This page does not hold the comparison of these two."),
    remedy: "It holds c8 ↔ c16, c8 ↔ c20, c16 ↔ c20; Diff shows what differs between any two checkpoints.",
  });
  await expect(source.request("evaluate", { text: "1", start: 0 })).rejects.toThrow("A saved page cannot");
  await expect(source.request("tasks_get", { checkpoint: "no" })).rejects.toThrow("It is not in this page.");
});

it("it finds a text once, at the checkpoint that brought it, and ends where it is told to", async () => {
  const source = saved();
  const { hits, done, total } = await source.request("search", { query: "ana sousa" });
  expect([done, total]).toEqual([21, 21]);
  expect(hits.map(({ match }) => match)).toContain("Ana Sousa");
  expect(new Set(hits.map(({ id, where, before }) => id + where + before)).size).toBe(hits.length);
  expect((await source.request("search", { query: "" })).hits).toEqual([]);
  const ended = new AbortController();
  ended.abort();
  await expect(source.request("search", { query: "a" }, { signal: ended.signal })).rejects.toThrow(
    "Cancelled.",
  );
});

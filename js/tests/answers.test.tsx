// Questions answered in place: decisions on actions, forms, what is sent, and what is said to be wrong where.
import { render } from "preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type {
  ActionView,
  AnswerError,
  AnswerForm,
  AnswerRequest,
  CheckpointView,
  FieldView,
  InterruptView,
  QuestionView,
} from "../src/protocol";
import type { Method } from "../src/source/types";
import { Store } from "../src/state/store";
import { Interrupts } from "../src/view/inspector/interrupts";
import { answers, Recorded } from "./recorded";

const LEAF = { hint: "", required: true, options: [], fields: [], item: null, reason: null };
const order: FieldView = { ...LEAF, name: "order", kind: "text", empty: "text", value: "A-2" };
const amount: FieldView = { ...LEAF, name: "amount", kind: "number", empty: "needed", value: "21.0" };
const ARGS: FieldView = {
  ...LEAF,
  name: "",
  kind: "object",
  empty: "needed",
  value: "{}",
  fields: [order, amount],
};

function action(name: string, ...decisions: ActionView["decisions"]): ActionView {
  const value = { kind: "string" as const, type: "str", text: "A-2", size: 3, more: 0 };
  return { name, args: [{ key: "order", value }], description: "", decisions, decided: null };
}

const approve = { type: "approve", takes: "nothing" } as const;
const edit = { type: "edit", takes: "args" } as const;
const reject = { type: "reject", takes: "reason" } as const;
const respond = { type: "respond", takes: "text" } as const;

function asks(id: string, question: Partial<QuestionView>, more: Partial<InterruptView> = {}): InterruptView {
  const value = { kind: "string" as const, type: "str", text: "How?", size: 4, more: 0 };
  const whole: QuestionView = { kind: "decisions", actions: [], options: [], warning: null, ...question };
  return { id, node: "agent", value, answered: false, answer: null, question: whole, ...more };
}

let host: HTMLElement;
let store: Store;
let wrong: AnswerError[];
let made: AnswerRequest[];
let started: unknown[];

beforeEach(async () => {
  const source = new Recorded("trip");
  store = new Store(source);
  await store.openThread("1");
  [wrong, made, started] = [[], [], []];
});

afterEach(() => {
  render(null, host);
  host.remove();
  store.dispose();
});

function show(interrupts: InterruptView[], forms: AnswerForm[], more: Partial<CheckpointView> = {}): void {
  const source = store.source as Recorded;
  const request = async (method: Method, params: unknown): Promise<unknown> => {
    if (method === "answer_form") return forms;
    if (method === "run_start") started.push((params as { resume: unknown }).resume);
    if (method !== "answer_make") return new Promise(() => undefined);
    made.push(params as AnswerRequest);
    const ids = Object.keys((params as AnswerRequest).drafts);
    const fine = wrong.length > 0 ? [] : ids.map((id) => [id, `{"of": "${id}"}`]);
    return { answers: Object.fromEntries(fine), errors: wrong };
  };
  vi.spyOn(source, "request").mockImplementation(request as typeof source.request);
  const [recorded] = answers("trip", "checkpoint_get");
  host = document.createElement("div");
  document.body.append(host);
  const view = { ...(recorded as CheckpointView), error: null, interrupts, ...more };
  render(<Interrupts store={store} view={view} stale={false} />, host);
}

const card = (i: number) =>
  host.querySelectorAll<HTMLElement>('[data-testid="lgviz-hitl-action"]')[i] as HTMLElement;
const decide = (i: number, kind: string) =>
  card(i).querySelector<HTMLElement>(`[data-decision="${kind}"]`)?.click();
const resume = () => host.querySelector<HTMLElement>('[data-testid="lgviz-resume"]') as HTMLElement;
const why = () => resume().title;

function type(into: Element | null, text: string): void {
  (into as HTMLTextAreaElement).value = text;
  into?.dispatchEvent(new Event("input", { bubbles: true }));
}

it("sends one decision an action, in order, once all are made", async () => {
  const actions = [action("refund", approve, edit), action("mail", approve, edit), action("close", reject)];
  show([asks("i", { actions })], [{ id: "i", form: null, args: [ARGS, ARGS, null] }]);
  expect(host.querySelector(".lgviz-question-head")?.textContent).toContain(
    "refund, mail and close wait for a decision",
  );
  expect(card(2).querySelectorAll("[data-decision]")).toHaveLength(1);
  expect(why()).toBe("Decide first.");
  decide(0, "approve");
  decide(2, "reject");
  await vi.waitFor(() => expect(why()).toBe("Decide on mail too."));
  type(card(2).querySelector("textarea"), "keep it");
  decide(1, "edit");
  await vi.waitFor(() => type(card(1).querySelector('[aria-label="amount"]'), "2.50"));
  await vi.waitFor(() => expect(resume().textContent).toBe("Answer all 3 & resume"));
  card(1).dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true }));
  await vi.waitFor(() => expect(started).toEqual([{ i: '{"of": "i"}' }]));
  expect(made[0]?.drafts.i?.decisions).toEqual([
    { type: "approve", text: "", args: '{"order": "A-2", "amount": 21.0}' },
    { type: "edit", text: "", args: '{"order": "A-2", "amount": 2.50}' },
    { type: "reject", text: "keep it", args: null },
  ]);
});

it("says what is wrong at the action and the field, and sends nothing", async () => {
  const actions = [action("refund", edit, respond)];
  show([asks("i", { actions })], [{ id: "i", form: null, args: [ARGS] }]);
  decide(0, "edit");
  await vi.waitFor(() => type(card(0).querySelector('[aria-label="amount"]'), "2l"));
  await vi.waitFor(() => expect(resume().getAttribute("aria-disabled")).toBe("false"));
  resume().click();
  await vi.waitFor(() => expect(card(0).textContent).toContain("This must be a number."));
  expect(made).toEqual([]);
  wrong = [{ id: "i", action: 0, path: ["order"], message: "This is too short." }];
  type(card(0).querySelector('[aria-label="amount"]'), "2");
  await vi.waitFor(() =>
    expect(card(0).querySelector<HTMLInputElement>('[aria-label="amount"]')?.value).toBe("2"),
  );
  resume().click();
  await vi.waitFor(() =>
    expect(card(0).querySelector('[data-field="order"] [role="alert"]')?.textContent).toBe(
      "This is too short.",
    ),
  );
  expect(started).toEqual([]);
});

it("answers one of several, by its id, and says how many", async () => {
  const each = ["a", "b"].map((name) => asks(name, { actions: [action(name, approve)] }));
  show(each, []);
  expect(resume().textContent).toBe("Answer both & resume");
  decide(1, "approve");
  await vi.waitFor(() => expect(resume().textContent).toBe("Answer 1 of 2 & resume"));
  resume().click();
  await vi.waitFor(() => expect(started).toEqual([{ b: '{"of": "b"}' }]));
});

it("asks by a form of the schema, and by JSON one click away", async () => {
  show([asks("i", { kind: "form" })], [{ id: "i", form: ARGS, args: [] }]);
  await vi.waitFor(() => type(host.querySelector('[aria-label="order"]'), "B-1"));
  const toggle = host.querySelector<HTMLElement>(".lgviz-question-head button") as HTMLElement;
  toggle.click();
  await vi.waitFor(() =>
    expect(host.querySelector("textarea")?.value).toBe('{"order": "B-1", "amount": 21.0}'),
  );
  type(host.querySelector("textarea"), '{"order": "C"}');
  await vi.waitFor(() => expect(host.querySelector("textarea")?.value).toBe('{"order": "C"}'));
  resume().click();
  await vi.waitFor(() => expect(made[0]?.drafts.i?.json).toBe('{"order": "C"}'));
  await vi.waitFor(() => toggle.click());
  await vi.waitFor(() =>
    expect(host.querySelector<HTMLInputElement>('[aria-label="order"]')?.value).toBe("B-1"),
  );
});

it("shows what was decided, and answers anew", async () => {
  const decided = { type: "reject", text: "too much", name: "", args: [] };
  const one = { ...action("refund", approve, reject), decided };
  show([asks("i", { actions: [one] }, { answered: true })], []);
  expect(host.querySelector(".lgviz-decided")?.textContent).toBe("reject too much");
  expect(host.querySelectorAll("[data-decision]")).toHaveLength(0);
  host.querySelector<HTMLElement>('[data-testid="lgviz-answer-anew"]')?.click();
  await vi.waitFor(() => expect(document.activeElement?.getAttribute("data-decision")).toBe("approve"));
});

it("keeps what was filled in while one looks elsewhere", async () => {
  const one = asks("i", { actions: [action("refund", approve, reject)] });
  show([one], []);
  decide(0, "reject");
  await vi.waitFor(() => type(card(0).querySelector("textarea"), "too much"));
  await vi.waitFor(() => expect(card(0).querySelector("textarea")?.value).toBe("too much"));
  render(null, host);
  host.remove();
  show([one], []);
  expect(card(0).querySelector('[data-decision="reject"]')?.getAttribute("aria-pressed")).toBe("true");
  expect(card(0).querySelector("textarea")?.value).toBe("too much");
  expect(document.activeElement).toBe(document.body); // only a click moves the focus
});

it("has the focus where one types as soon as that is there, so that no letter goes to the keys", async () => {
  show([asks("i", { actions: [action("refund", approve, reject)] })], []);
  decide(0, "reject");
  for (let turns = 0; turns < 5 && !card(0).querySelector("textarea"); turns++) await Promise.resolve();
  expect(document.activeElement).toBe(card(0).querySelector("textarea"));
});

it("answers one anew while another waits", async () => {
  const each = [
    asks("a", { actions: [action("a", approve)] }, { answered: true }),
    asks("b", { actions: [action("b", approve)] }),
  ];
  show(each, []);
  expect(resume().textContent).toBe("Answer & resume"); // the other one
  host.querySelector<HTMLElement>('[data-testid="lgviz-answer-anew"]')?.click();
  await vi.waitFor(() =>
    expect(document.activeElement?.closest("[data-interrupt]")?.textContent).toContain("a("),
  );
  decide(0, "approve");
  await vi.waitFor(() => expect(resume().textContent).toBe("Answer 1 of 2 & resume"));
  resume().click();
  await vi.waitFor(() => expect(started).toEqual([{ a: '{"of": "a"}' }]));
});

it("tells that a question's schema cannot be used, and takes any answer", () => {
  show([asks("i", { kind: "text", warning: "The schema is none." })], []);
  expect(host.querySelector(".lgviz-warning")?.textContent).toBe("The schema is none.");
  expect(host.querySelectorAll("textarea")).toHaveLength(1);
  expect(host.querySelectorAll(".lgviz-tag")).toHaveLength(0);
});

// Forms of schemas: what is typed, what they hold, and what is said to be wrong.
import { render } from "preact";
import { useState } from "preact/hooks";
import { afterEach, expect, it, vi } from "vitest";
import { below, jsonOf, problemsIn, typed } from "../src/lib/fields";
import type { FieldError, FieldView } from "../src/protocol";
import { Form } from "../src/view/ui/form";

function field(more: Partial<FieldView> & Pick<FieldView, "kind">): FieldView {
  return {
    name: "",
    hint: "",
    required: true,
    empty: "needed",
    value: null,
    options: [],
    fields: [],
    item: null,
    reason: null,
    ...more,
  };
}

const text = field({ kind: "text", name: "text" });
const ORDER = field({
  kind: "object",
  value: "{}",
  fields: [
    field({ kind: "text", name: "to", value: "ana", empty: "text" }),
    field({ kind: "number", name: "amount", value: "21.0" }),
    field({ kind: "bool", name: "gift" }),
    field({ kind: "text", name: "note", required: false, empty: "absent" }),
    field({ kind: "list", name: "tags", value: "[]", item: text }),
    field({
      kind: "oneof",
      name: "pay",
      fields: [
        field({
          kind: "object",
          name: "Card",
          value: "{}",
          fields: [field({ kind: "integer", name: "number" })],
        }),
        field({ kind: "text", name: "text" }),
      ],
    }),
  ],
});

let host: HTMLElement;
let now: FieldView;

function Held({ start, errors }: { start: FieldView; errors?: FieldError[] }) {
  const [held, setHeld] = useState(start);
  now = held;
  return <Form field={held} change={setHeld} errors={errors ?? []} label="answer" />;
}

function show(start: FieldView, errors?: FieldError[]): void {
  host = document.createElement("div");
  document.body.append(host);
  render(<Held start={start} {...(errors && { errors })} />, host);
}

const named = (name: string) => host.querySelector(`[aria-label="${name}"]`) as HTMLInputElement;
const button = (name: string) =>
  [...host.querySelectorAll("button")].find((one) => one.textContent === name) as HTMLButtonElement;

function type(into: HTMLInputElement, value: string): void {
  into.value = value;
  into.dispatchEvent(new Event("input", { bubbles: true }));
}

afterEach(() => host?.remove());

it("holds numbers as they were typed, and leaves out what is empty", () => {
  expect(jsonOf(ORDER)).toBe('{"to": "ana", "amount": 21.0, "tags": []}');
  const big = typed(field({ kind: "integer" }), "12345678901234567890");
  expect(jsonOf(big)).toBe("12345678901234567890");
  expect(jsonOf(field({ kind: "text", empty: "null" }))).toBe("null");
  expect(jsonOf(typed(field({ kind: "text", empty: "text", value: "a" }), ""))).toBe('""');
});

it("tells what is missing or no number before anything is sent", () => {
  const [to, amount, ...rest] = ORDER.fields as [FieldView, FieldView];
  const wrong = { ...ORDER, fields: [to, typed(amount, "2l"), ...rest] };
  expect(problemsIn(wrong)).toEqual([
    { path: ["amount"], message: "This must be a number." },
    { path: ["gift"], message: "A value is needed." },
    { path: ["pay"], message: "A value is needed." },
  ]);
  expect(problemsIn(typed(field({ kind: "integer" }), "1.5"))).toEqual([
    { path: [], message: "This must be a whole number." },
  ]);
  for (const ok of ["-1.5e3", "NaN", "-Infinity"])
    expect(problemsIn(typed(field({ kind: "number" }), ok))).toEqual([]);
  expect(problemsIn(typed(field({ kind: "json" }), "[1,"))[0]?.message).toContain("JSON");
});

it("is filled in by typing and clicking", async () => {
  show(ORDER);
  type(named("to"), "bob\nand eve");
  type(named("amount"), "3.50");
  button("true").click();
  button("Card").click();
  await vi.waitFor(() => type(named("number"), "7"));
  button("Add to tags").click();
  await vi.waitFor(() => type(named("0"), "new"));
  await vi.waitFor(() =>
    expect(jsonOf(now)).toBe(
      '{"to": "bob\\nand eve", "amount": 3.50, "gift": true, "tags": ["new"], "pay": {"number": 7}}',
    ),
  );
  named("Remove 0").click();
  await vi.waitFor(() => expect(jsonOf(now)).toContain('"tags": []'));
});

it("says what is wrong at the part that is", () => {
  show(ORDER, [
    { path: ["to"], message: "Too short." },
    { path: ["tags"], message: "One is needed." },
  ]);
  expect(named("to").getAttribute("aria-invalid")).toBe("true");
  const described = document.getElementById(named("to").getAttribute("aria-describedby") ?? "");
  expect(described?.textContent).toBe("Too short.");
  expect(named("amount").getAttribute("aria-invalid")).toBe("false");
  expect(host.querySelector('[data-field="tags"]')?.textContent).toContain("One is needed.");
  expect(below([{ path: ["tags", 1, "a"], message: "no" }], "tags")).toEqual([
    { path: [1, "a"], message: "no" },
  ]);
});

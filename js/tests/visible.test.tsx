// What hides in a text is shown wherever the text is drawn, and a form keeps it.
import { render } from "preact";
import { expect, it } from "vitest";
import cases from "../../tests/support/hidden_characters.json";
import { pieces, visible } from "../src/lib/visible";
import "../src/view/ui/hidden";

const CASES = cases as unknown as [string, string][];

it.each(CASES)("shows %j as Python does", (text, shown) => {
  expect(visible(text)).toBe(shown);
  expect((pieces(text) ?? [text]).join("")).toBe(shown);
});

const TURNED = "file\u202egnp.exe\u0000";
const SHOWN = "file\\u202egnp.exe\\x00";

function drawn(element: preact.ComponentChild): HTMLElement {
  const host = document.createElement("div");
  render(element, host);
  return host;
}

it("marks it in an element's text, among other children too", () => {
  const host = drawn(
    <section title={TURNED} aria-label={TURNED}>
      {"one "}
      {TURNED}
      {[TURNED, <b key="b">{TURNED}</b>]}
    </section>,
  );
  expect(host.textContent).toBe(`one ${SHOWN}${SHOWN}${SHOWN}`);
  expect([...host.querySelectorAll(".lgviz-hidden")].map((each) => each.textContent)).toEqual(
    Array(3).fill(["\\u202e", "\\x00"]).flat(),
  );
  expect(host.firstElementChild?.getAttribute("title")).toBe(SHOWN);
  expect(host.firstElementChild?.getAttribute("aria-label")).toBe(SHOWN);
});

it("writes it plainly in drawings and choices, and leaves a form's value exact", () => {
  const host = drawn(
    <>
      <svg>
        <title>{TURNED}</title>
        <text>{TURNED}</text>
      </svg>
      <select>
        <option value={TURNED}>{TURNED}</option>
      </select>
      <textarea value={TURNED} placeholder={TURNED} />
    </>,
  );
  expect(host.querySelector("title")?.textContent).toBe(SHOWN);
  expect(host.querySelector("text")?.innerHTML).toBe(SHOWN);
  const option = host.querySelector("option");
  expect([option?.textContent, option?.value]).toEqual([SHOWN, TURNED]);
  const area = host.querySelector("textarea");
  expect([area?.value, area?.getAttribute("placeholder")]).toEqual([TURNED, SHOWN]);
});

it("keeps its place when a text comes to hide something, and no longer does", () => {
  const host = document.createElement("div");
  for (const text of ["plain", TURNED, "plain"]) {
    render(
      <p>
        {text}
        <input />
      </p>,
      host,
    );
    expect(host.textContent).toBe(visible(text));
    expect(host.querySelectorAll("input")).toHaveLength(1);
  }
});

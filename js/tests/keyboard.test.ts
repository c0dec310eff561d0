import { expect, test } from "vitest";
import { actionOf, help, placeOf } from "../src/lib/keyboard";

const key = (name: string, modifiers: object = {}) => ({
  key: name,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...modifiers,
});

test("in the tree, arrows walk and letters act", () => {
  expect(actionOf(key("ArrowDown"), "tree")).toBe("down");
  expect(actionOf(key("ArrowLeft"), "tree")).toBe("parent");
  expect(actionOf(key("Enter"), "tree")).toBe("inspect");
  expect(actionOf(key("f"), "tree")).toBe("fork");
  expect(actionOf(key("/"), "tree")).toBe("search");
  expect(actionOf(key("m"), "tree")).toBe("maximise");
  expect(actionOf(key("p"), "tree")).toBe("present");
});

test("a field keeps its keys, but for Escape", () => {
  for (const name of ["f", "n", "m", "p", "c", "/", "?", "ArrowDown", "Enter", " ", "Home"]) {
    expect(actionOf(key(name), "field"), name).toBe(null);
  }
  expect(actionOf(key("Escape"), "field")).toBe("escape");
});

test("elsewhere, arrows and Enter belong to what has the focus", () => {
  expect(actionOf(key("ArrowDown"), "elsewhere")).toBe(null);
  expect(actionOf(key("Enter"), "elsewhere")).toBe(null);
  expect(actionOf(key("f"), "elsewhere")).toBe("fork");
  expect(actionOf(key("n"), "elsewhere")).toBe("start");
});

test("shortcuts of the browser stay its own", () => {
  expect(actionOf(key("f", { ctrlKey: true }), "tree")).toBe(null);
  expect(actionOf(key("c", { metaKey: true }), "tree")).toBe(null);
  expect(actionOf(key("f", { altKey: true }), "tree")).toBe(null);
});

test("the place is told by the element", () => {
  document.body.innerHTML = `<div role="tree" data-testid="lgviz-tree"><i id="row"></i></div>
    <textarea id="text"></textarea><input type="checkbox" id="box"><button id="button"></button>`;
  const at = (id: string) => placeOf(document.getElementById(id));
  expect(at("row")).toBe("tree");
  expect(at("text")).toBe("field");
  expect(at("box")).toBe("elsewhere");
  expect(at("button")).toBe("elsewhere");
  expect(placeOf(null)).toBe("elsewhere");
});

test("the help names every key that acts", () => {
  const named = help()
    .map(([keys]) => keys)
    .join(" ");
  for (const name of [
    "↑",
    "↓",
    "←",
    "→",
    "Home",
    "End",
    "Space",
    "Enter",
    "/",
    "f",
    "n",
    "m",
    "c",
    "Esc",
    "?",
  ]) {
    expect(named).toContain(name);
  }
});

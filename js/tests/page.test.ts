import { afterEach, expect, test } from "vitest";
import { hideStatic, isDark } from "../src/notebook";

afterEach(() => {
  document.body.removeAttribute("data-jp-theme-light");
  document.body.removeAttribute("data-vscode-theme-kind");
  document.body.className = "";
  document.documentElement.removeAttribute("theme");
});

test("JupyterLab says it first", () => {
  document.body.dataset.jpThemeLight = "false";
  document.documentElement.setAttribute("theme", "light");
  expect(isDark()).toBe(true);
  document.body.dataset.jpThemeLight = "true";
  expect(isDark()).toBe(false);
});

test("VS Code and Colab are understood", () => {
  document.body.dataset.vscodeThemeKind = "vscode-dark";
  expect(isDark()).toBe(true);
  document.body.dataset.vscodeThemeKind = "vscode-high-contrast-light";
  expect(isDark()).toBe(false);
  document.body.removeAttribute("data-vscode-theme-kind");
  document.body.classList.add("vscode-dark");
  expect(isDark()).toBe(true);
  document.body.className = "";
  document.documentElement.setAttribute("theme", "dark");
  expect(isDark()).toBe(true);
});

test("the static view is hidden while a widget lives, and only its own", () => {
  document.body.innerHTML = '<div data-lgviz-static="a1"></div><div data-lgviz-static="b2"></div>';
  const [mine, other] = document.querySelectorAll("div");
  const shown = (element: Element | undefined) => getComputedStyle(element as Element).display !== "none";
  const show = hideStatic("a1");
  const again = hideStatic("a1");
  expect([shown(mine), shown(other)]).toEqual([false, true]);
  show();
  expect(shown(mine)).toBe(false);
  again();
  expect(shown(mine)).toBe(true);
});

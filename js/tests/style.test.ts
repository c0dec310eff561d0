// @vitest-environment node
// The style of a build holds for its own displays only.
import { expect, it } from "vitest";
import { stampedStyle } from "../style.mjs";

it("stands under the stamp of its text, names of animations too", async () => {
  const { css, stamp } = await stampedStyle();
  const animations = [...css.matchAll(/@keyframes ([\w-]+)\{(?:[^{}]*\{[^{}]*\})*\}/g)];
  expect(animations.length).toBeGreaterThan(3);
  for (const [, name] of animations) expect(name).toMatch(new RegExp(`-${stamp}$`));
  const rules = animations.reduce((text, [block]) => text.replace(block, ""), css);
  const plain = rules.replace(/@(media|container)[^{]*\{((?:[^{}]*\{[^{}]*\})*)\}/g, "$2");
  const selectors = [...plain.matchAll(/([^{}]+)\{[^{}]*\}/g)]
    .map((match) => match[1] as string)
    .flatMap((text) => text.split(/,(?![^()]*\))/));
  expect(selectors.length).toBeGreaterThan(300);
  const stamped = new RegExp(`^\\[data-lgviz="?${stamp}"?\\] `);
  expect(selectors.filter((one) => !stamped.test(one))).toEqual([]);
});

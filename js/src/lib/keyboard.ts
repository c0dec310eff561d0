// What a key means, apart from what is done about it.
import { still } from "./still";
import { t } from "./words";

export type Action =
  | "up"
  | "down"
  | "pageUp"
  | "pageDown"
  | "first"
  | "last"
  | "parent"
  | "child"
  | "toggle"
  | "branch"
  | "filter"
  | "inspect"
  | "search"
  | "fork"
  | "start"
  | "maximise"
  | "present"
  | "copy"
  | "escape"
  | "help";

export interface Key {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** Where the key was pressed: in a field that takes text, in the tree, or anywhere else in the debugger. */
export type Place = "field" | "tree" | "elsewhere";

const ANYWHERE: Readonly<Record<string, Action>> = {
  "/": "search",
  v: "filter",
  f: "fork",
  n: "start",
  m: "maximise",
  p: "present",
  c: "copy",
  "?": "help",
  Escape: "escape",
};

const IN_TREE: Readonly<Record<string, Action>> = {
  ArrowUp: "up",
  ArrowDown: "down",
  PageUp: "pageUp",
  PageDown: "pageDown",
  Home: "first",
  End: "last",
  ArrowLeft: "parent",
  ArrowRight: "child",
  " ": "toggle",
  b: "branch",
  Enter: "inspect",
};

/** Whether a key does the act of the form that it is pressed in, from any of its fields. */
export function isActKey(key: Pick<Key, "key" | "ctrlKey" | "metaKey">): boolean {
  return key.key === "Enter" && (key.ctrlKey || key.metaKey);
}

export function actionOf(key: Key, place: Place): Action | null {
  if (key.ctrlKey || key.metaKey || key.altKey) return null;
  if (place === "field") return key.key === "Escape" ? "escape" : null;
  return (place === "tree" ? IN_TREE[key.key] : undefined) ?? ANYWHERE[key.key] ?? null;
}

/** Where a key leads while one presents: on or back along the branch, or to its ends. A clicker is a keyboard. */
export type Move = "on" | "back" | "first" | "last";

const MOVES: Readonly<Record<string, Move>> = {
  ArrowRight: "on",
  ArrowDown: "on",
  PageDown: "on",
  ArrowLeft: "back",
  ArrowUp: "back",
  PageUp: "back",
  Home: "first",
  End: "last",
};

export function moveOf({
  key,
  ctrlKey,
  metaKey,
  altKey,
  shiftKey,
}: Key & { shiftKey: boolean }): Move | null {
  if (ctrlKey || metaKey || altKey) return null;
  if (key === " ") return shiftKey ? "back" : "on";
  return MOVES[key] ?? null;
}

const FIELDS =
  'input:not([type="checkbox"]):not([type="radio"]):not([type="button"]), textarea, select, [contenteditable="true"]';

export function placeOf(target: EventTarget | null): Place {
  if (!(target instanceof Element)) return "elsewhere";
  if (target.closest(FIELDS)) return "field";
  return target.closest('[role="tree"][data-testid="lgviz-tree"]') ? "tree" : "elsewhere";
}

/** Keys that do nothing in a copy that is only read. */
const ACTING: ReadonlySet<string> = new Set(["f", "n", "m", "c"]);

/** The keys that work here, and what they do. */
export function help(): [keys: string, meaning: string][] {
  const all: [string, string][] = [
    ["↑ ↓", t("walk the checkpoints")],
    ["← →", t("to the parent, to the child")],
    ["Home End", t("newest, oldest")],
    ["Space", t("fold or unfold a subgraph's steps")],
    ["b", t("fold or unfold the branch")],
    ["Enter", t("into the inspector")],
    ["Ctrl-click", t("compare with the selection")],
    ["Shift-↑ Shift-↓", t("walk away and compare with the start")],
    ["/", t("search all checkpoints")],
    ["v", t("filter the checkpoints")],
    ["f", t("fork at the selection")],
    ["n", t("start a new thread")],
    ["m", t("give the debugger the whole window, or back")],
    ["p", t("present: large, step by step, by the space bar")],
    ["c", t("copy the selection as Python")],
    ["Esc", t("close, end the search or the comparison")],
    ["?", t("these keys")],
  ];
  return still.value ? all.filter(([keys]) => !ACTING.has(keys)) : all;
}

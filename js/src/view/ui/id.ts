// Ids that no other display on the page has: an id is one of the whole document.
import { useState } from "preact/hooks";

// Each debugger may bring a copy of this module, so that counting alone would give the same ids again.
const PAGE = `lgviz-${Math.random().toString(36).slice(2, 10)}`;
let made = 0;

/** An id for this component alone, also beside other debuggers; it stays while the component does. */
export function useId(): string {
  return useState(() => `${PAGE}-${++made}`)[0];
}

// The display that a component of the inspector is part of: its filter and its branch.
import { createContext } from "preact";
import type { ViewState } from "../../state/view";

/** Null where something is drawn outside the debugger. */
export const Here = createContext<ViewState | null>(null);

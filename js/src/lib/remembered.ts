// What a person chose, kept by the browser for all debuggers: sizes, and (1) what is shown.

type Choice = "split" | "split-rows" | "height" | "narrate";

/** What was chosen before; null where nothing was, or the page may not store any. */
export function remembered(choice: Choice): number | null {
  try {
    const found = Number.parseFloat(localStorage.getItem(`lgviz:${choice}`) ?? "");
    return Number.isFinite(found) ? found : null;
  } catch {
    return null;
  }
}

/** Remembers a choice, or (null) forgets it. */
export function remember(choice: Choice, value: number | null): void {
  try {
    if (value === null) localStorage.removeItem(`lgviz:${choice}`);
    else localStorage.setItem(`lgviz:${choice}`, String(value));
  } catch {
    // A page that may not store anything forgets it.
  }
}

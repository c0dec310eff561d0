// Sizes that a person chose, kept by the browser for all debuggers.

type Size = "split" | "split-rows" | "height";

/** A size that was chosen before; null where none was, or the page may not store any. */
export function remembered(size: Size): number | null {
  try {
    const found = Number.parseFloat(localStorage.getItem(`lgviz:${size}`) ?? "");
    return Number.isFinite(found) ? found : null;
  } catch {
    return null;
  }
}

/** Remembers a size, or (null) forgets it. */
export function remember(size: Size, value: number | null): void {
  try {
    if (value === null) localStorage.removeItem(`lgviz:${size}`);
    else localStorage.setItem(`lgviz:${size}`, String(value));
  } catch {
    // A page that may not store anything forgets it.
  }
}

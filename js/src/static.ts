// The script-free view is a second output of the cell, for when no widget lives. It is hidden while one does.

/** Hides the static output of a debugger; the returned function shows it again. */
export function hideStatic(uid: string): () => void {
  if (uid === "") return () => {};
  const style = document.createElement("style");
  style.textContent = `[data-lgviz-static="${CSS.escape(uid)}"] { display: none !important; }`;
  document.head.append(style);
  return () => style.remove();
}

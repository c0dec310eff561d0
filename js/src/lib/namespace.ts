// A checkpoint's namespace as the path of nodes to the graph that it belongs to.

/** `critic:0b5e…|1|judge:77…` is `critic|judge`; the root graph's is empty. */
export function nodePath(namespace: string): string {
  const names = namespace.split("|").map((part) => part.split(":", 1)[0] ?? "");
  return names.filter((name) => !/^\d*$/.test(name)).join("|");
}

/** Of a graph inside another, the node of the outer one that it lies in; null where it does not. */
export function nodeTowards(outer: string, inner: string): string | null {
  if (outer !== "" && !inner.startsWith(`${outer}|`)) return null;
  return inner.slice(outer === "" ? 0 : outer.length + 1).split("|", 1)[0] || null;
}

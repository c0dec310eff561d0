// A link that opens the notebook at a checkpoint: the page's address with the checkpoint as its fragment.

export interface Linked {
  thread: string;
  checkpoint: string;
}

export function linkTo(page: string, { thread, checkpoint }: Linked): string {
  return `${page.split("#", 1)[0]}#lgviz=${encodeURIComponent(thread)}/${encodeURIComponent(checkpoint)}`;
}

/** What an address or its fragment names; null where it names no checkpoint. */
export function readLink(address: string): Linked | null {
  const found = /#lgviz=([^/]+)\/([^/]+)$/.exec(address);
  if (!found) return null;
  try {
    return {
      thread: decodeURIComponent(found[1] as string),
      checkpoint: decodeURIComponent(found[2] as string),
    };
  } catch {
    return null;
  }
}

// The hit that one came for: its value opened, its text marked, scrolled to where it is read.
import { type ComponentChildren, createContext, type RefObject } from "preact";
import { useContext, useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { CheckpointView, SearchHit } from "../../protocol";
import type { Source } from "../../source/types";
import type { Landing } from "../../state/find";
import { Here } from "./here";

/** A hit in the value of a channel. */
export interface Found {
  channel: string;
  /** Positions of children, down to the message or value that has the text; null: it is not known. */
  path: readonly number[] | null;
  /** The text to mark; empty: the whole part is. */
  text: string;
}

/** The hit in the channel around; null: there is none. */
export const InChannel = createContext<Found | null>(null);
/** The text to mark, in the message or value that has it. */
export const Sought = createContext<string | null>(null);

/** The hit that one came for, where it is in this checkpoint: where it stands is asked for. */
export function useFound(view: CheckpointView, source: Source): Found | null {
  const here = useContext(Here);
  const hit = here?.find.hit.value ?? null;
  const channel = hit?.channel ?? null;
  const sought = hit !== null && channel !== null && hit.id === view.id ? hit : null;
  const landing = here?.find.landing.value ?? null;
  const mine = sought ?? (landing?.id === view.id ? landing : null);
  const [found, setFound] = useState<{ of: SearchHit | Landing; found: Found } | null>(null);
  useEffect(() => {
    if (mine === null || mine.channel === null) return;
    const { channel } = mine;
    const abort = new AbortController();
    const { signal } = abort;
    const take = (path: number[] | null, text: string) => {
      if (!signal.aborted) setFound({ of: mine, found: { channel, path, text } });
    };
    const asked =
      "match" in mine
        ? textPlace(source, { ...mine, channel }, signal)
        : source.request("origin_find", partOf(mine), { signal });
    asked.then(
      ({ path, text }) => take(path, text),
      // Without an answer the channel is shown.
      () => take(null, ""),
    );
    return () => abort.abort();
  }, [mine, source]);
  return mine !== null && found?.of === mine ? found.found : null;
}

async function textPlace(source: Source, hit: SearchHit & { channel: string }, signal: AbortSignal) {
  const { id: checkpoint, channel, before, match, after } = hit;
  const asked = { checkpoint, channel, before, match, after };
  const { path } = await source.request("value_find", asked, { signal });
  return { path, text: match };
}

function partOf({ of: checkpoint, id: target, channel, path, line }: Landing & { id: string }) {
  return { checkpoint, target, channel, path, line };
}

/** Where the hit is, seen from a value: in the value itself, or at which of its children on the way; else null. */
export function useReach(path: readonly number[]): "here" | number | null {
  const found = useContext(InChannel);
  if (found === null || found.path === null || found.path.length < path.length) return null;
  const to = found.path;
  return path.every((position, i) => position === to[i]) ? (to[path.length] ?? "here") : null;
}

/** Marks what was sought in what is inside; nothing in there is on a way to it any more. */
export function Marking({ children }: { children: ComponentChildren }) {
  const found = useContext(InChannel);
  return (
    <Sought.Provider value={found?.text ?? null}>
      <InChannel.Provider value={null}>{children}</InChannel.Provider>
    </Sought.Provider>
  );
}

/** Brings what is found into sight: the first marked text in an element, once it is there, else the element. */
export function useInSight(
  element: RefObject<HTMLElement | null>,
  found: Found | null,
  there: boolean,
): void {
  // After the tree has followed the selection, and before anything is painted.
  useLayoutEffect(() => {
    const box = element.current;
    if (!there || found === null || box === null) return;
    const show = () => {
      const mark = box.querySelector<HTMLElement>(".lgviz-found");
      bringIntoSight(mark ?? box);
      return mark !== null;
    };
    if (show()) return;
    // The rest of a long text comes later.
    const observer = new MutationObserver(() => {
      if (show()) observer.disconnect();
    });
    observer.observe(box, { childList: true, subtree: true, characterData: true });
    return () => observer.disconnect();
  }, [element, there, found]);
}

/** Scrolls the pane, and not the notebook. */
function bringIntoSight(element: HTMLElement): void {
  const pane = element.closest<HTMLElement>(".lgviz-pane");
  if (pane === null) return;
  const box = element.getBoundingClientRect();
  const outer = pane.getBoundingClientRect();
  if (box.top >= outer.top && box.bottom <= outer.bottom) return;
  pane.scrollTop += box.top - outer.top - Math.max(0, (outer.height - box.height) / 3);
}

/** A text in which what was sought is marked. */
export function Words({ text }: { text: string }) {
  const sought = useContext(Sought);
  if (sought === null || sought === "") return <>{text}</>;
  return (
    <>
      {split(text, sought).map((part, i) =>
        i % 2 === 0 ? (
          part
        ) : (
          <mark class="lgviz-found" key={i}>
            {part}
          </mark>
        ),
      )}
    </>
  );
}

/** The text in pieces, every other one what was sought. */
export function split(text: string, sought: string): string[] {
  const parts: string[] = [];
  let end = 0;
  for (let at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, end)) {
    parts.push(text.slice(end, at), sought);
    end = at + sought.length;
  }
  return [...parts, text.slice(end)];
}

// A text of which a part is shown; the rest of a long one is loaded when asked for.

import type { ComponentChildren } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { characters, thousands } from "../../lib/format";
import { MOST_TEXT } from "../../lib/paging";
import { t, tn } from "../../lib/words";
import { ProtocolError } from "../../source/error";
import { Sought } from "../find/found";
import { useOpen } from "../ui/expand";
import { Problem } from "../ui/problem";

interface TextProps {
  text: string;
  more: number;
  /** Loads characters of it, counted as Python does; absent where nothing can be asked for. */
  from: ((start: number, count: number) => Promise<string>) | undefined;
  /** Characters shown at first, where it need not all be seen. */
  clamp?: number;
  children: (text: string) => ComponentChildren;
}

/** A text of which a part is shown, and a button for the rest, which is loaded where it was not sent. */
export function Text({ text, more, from, clamp = Number.POSITIVE_INFINITY, children }: TextProps) {
  const [open, setOpen] = useOpen(false);
  const [loaded, setLoaded] = useState<{ of: string; text: string; more: number } | null>(null);
  const [error, setError] = useState<ProtocolError | null>(null);
  const [busy, setBusy] = useState(false);
  const now = loaded?.of === text ? loaded : { of: text, text, more };
  const closed = shorten(text, clamp);
  const short = open ? now.text : closed;
  const hidden = now.text.length - short.length + now.more;
  const show = async () => {
    setOpen(true);
    if (!from || now.more === 0) return;
    setBusy(true);
    setError(null);
    try {
      const size = Math.min(now.more, MOST_TEXT);
      const rest = await from(characters(now.text), size);
      setLoaded({ of: text, text: now.text + rest, more: rest === "" ? 0 : now.more - size });
    } catch (failure) {
      setError(ProtocolError.of(failure));
    } finally {
      setBusy(false);
    }
  };
  // What one came for is not left in the part that is hidden.
  const sought = useContext(Sought);
  const missing = sought !== null && hidden > 0 && !busy && !error && !short.includes(sought);
  useEffect(() => {
    if (missing) void show();
  }, [missing]);
  const canShow = short.length < now.text.length || (now.more > 0 && from !== undefined);
  const next = Math.min(hidden, MOST_TEXT);
  return (
    <>
      {children(hidden > 0 ? `${short}…` : short)}
      {canShow && (
        <button type="button" class="lgviz-link" aria-disabled={busy} onClick={() => void (busy || show())}>
          {busy
            ? t("loading…")
            : next < hidden
              ? t("show {n} more of {total} characters", { n: thousands(next), total: thousands(hidden) })
              : tn("show {n} more character", "show {n} more characters", hidden)}
        </button>
      )}
      {!canShow && now.more > 0 && (
        <span class="lgviz-faint">{tn("{n} more character", "{n} more characters", now.more)}</span>
      )}
      {open && now.text.length > closed.length && (
        <button type="button" class="lgviz-link" onClick={() => setOpen(false)}>
          {t("show less")}
        </button>
      )}
      {error && <Problem error={error} retry={show} />}
    </>
  );
}

/** The beginning of a text, ended between words; the text itself where little would be hidden. */
export function shorten(text: string, clamp: number): string {
  if (text.length <= clamp * 1.3) return text;
  const cut = text.lastIndexOf(" ", clamp);
  // Never between the halves of one character.
  return cut > clamp * 0.7 ? text.slice(0, cut) : text.slice(0, clamp).replace(/[\ud800-\udbff]$/, "");
}

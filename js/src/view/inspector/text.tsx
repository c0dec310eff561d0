// A text of which a part is shown; the rest of a long one is loaded when asked for.

import type { ComponentChildren } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { t, tn } from "../../lib/words";
import { ProtocolError } from "../../source/error";
import { Sought } from "../find/found";
import { Problem } from "../ui/problem";

interface TextProps {
  text: string;
  more: number;
  /** Loads all of it; absent where nothing can be asked for. */
  whole: (() => Promise<string>) | undefined;
  /** Characters shown at first, where it need not all be seen. */
  clamp?: number;
  children: (text: string) => ComponentChildren;
}

/** A text of which a part is shown, and a button for the rest, which is loaded where it was not sent. */
export function Text({ text, more, whole, clamp = Number.POSITIVE_INFINITY, children }: TextProps) {
  const [open, setOpen] = useState(false);
  const [loaded, setLoaded] = useState<{ of: string; text: string } | null>(null);
  const [error, setError] = useState<ProtocolError | null>(null);
  const [busy, setBusy] = useState(false);
  const known = loaded?.of === text ? loaded.text : text;
  const left = known === text ? more : 0;
  const short = open ? known : shorten(known, clamp);
  const hidden = known.length - short.length + left;
  const show = async () => {
    setOpen(true);
    if (!whole || left === 0) return;
    setBusy(true);
    setError(null);
    try {
      setLoaded({ of: text, text: await whole() });
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
  const canShow = short.length < known.length || (left > 0 && whole !== undefined);
  return (
    <>
      {children(hidden > 0 ? `${short}…` : short)}
      {canShow && (
        <button type="button" class="lgviz-link" aria-disabled={busy} onClick={() => void (busy || show())}>
          {busy ? t("loading…") : tn("show {n} more character", "show {n} more characters", hidden)}
        </button>
      )}
      {!canShow && left > 0 && (
        <span class="lgviz-faint">{tn("{n} more character", "{n} more characters", left)}</span>
      )}
      {open && !canShow && (known !== text || known.length > clamp) && (
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

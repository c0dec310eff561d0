// A text that changed, shown around its changes; what was left out opens where it stands.
import { useMemo, useState } from "preact/hooks";
import { characters, thousands } from "../../lib/format";
import { type Line, lines } from "../../lib/hunks";
import { MOST_TEXT } from "../../lib/paging";
import { t, tn } from "../../lib/words";
import type { TextPart } from "../../protocol";
import { ProtocolError } from "../../source/error";
import { Problem } from "../ui/problem";

/** Loads characters of one of the two texts. */
type From = (start: number, count: number) => Promise<string>;

interface Props {
  parts: TextPart[];
  /** In quotes, as a short text is. */
  quoted: boolean;
  before: From | undefined;
  after: From | undefined;
}

export function TextDiff({ parts: sent, quoted, before, after }: Props) {
  const [opened, setOpened] = useState<{ of: TextPart[]; parts: TextPart[] } | null>(null);
  const [busy, setBusy] = useState<number | null>(null);
  const [error, setError] = useState<{ error: ProtocolError; part: number } | null>(null);
  const parts = opened?.of === sent ? opened.parts : sent;
  const drawn = useMemo(() => lines(parts), [parts]);
  const fromOf = (part: TextPart) =>
    (part.op === "-" ? before : after) ?? (part.op === "=" ? before : undefined);
  const open = async (at: number) => {
    const part = parts[at];
    const from = part && fromOf(part);
    if (!part || !from || busy !== null) return;
    setBusy(at);
    setError(null);
    try {
      const inNew = part.op === "+" || (part.op === "=" && after !== undefined);
      const size = Math.min(part.left_out, MOST_TEXT);
      const more = await from((inNew ? part.after : part.before) + characters(part.text), size);
      const left_out = more === "" ? 0 : part.left_out - size;
      setOpened({ of: sent, parts: parts.with(at, { ...part, text: part.text + more, left_out }) });
    } catch (failure) {
      setError({ error: ProtocolError.of(failure), part: at });
    } finally {
      setBusy(null);
    }
  };
  const fold = (at: number) => {
    const part = parts[at] as TextPart;
    return (
      <Fold
        key={`fold ${at}`}
        part={part}
        busy={busy === at}
        open={fromOf(part) ? () => void open(at) : undefined}
      />
    );
  };
  return (
    <div class="lgviz-textdiff">
      {drawn.map((line, i) => (
        <Row key={i} line={line} quote={quoted ? '"' : ""} fold={fold} />
      ))}
      {parts !== sent && (
        <button type="button" class="lgviz-link" onClick={() => setOpened(null)}>
          {t("fold what did not change")}
        </button>
      )}
      {error && <Problem error={error.error} retry={() => void open(error.part)} />}
    </div>
  );
}

const LOOK = { " ": "is-kept", "-": "is-removed", "+": "is-added" } as const;

function Row({ line, quote, fold }: { line: Line; quote: string; fold(part: number): preact.JSX.Element }) {
  const { sign, pieces } = line;
  const only = pieces.length === 1 && pieces[0]?.fold ? pieces[0] : undefined;
  if (only && sign === " ") return <div class="lgviz-fold-line">{fold(only.part)}</div>;
  return (
    <div class={`lgviz-side ${LOOK[sign]}`}>
      <span class="lgviz-sign">{sign === "-" ? "−" : sign}</span>
      <span class="lgviz-side-text">
        {quote}
        {pieces.map((piece, i) => {
          if (piece.fold) return fold(piece.part);
          const text = i === pieces.length - 1 ? piece.text.replace(/\n$/, "") : piece.text;
          return piece.marked ? <mark key={i}>{text}</mark> : text;
        })}
        {quote}
      </span>
    </div>
  );
}

function Fold({ part, busy, open }: { part: TextPart; busy: boolean; open: (() => void) | undefined }) {
  const said =
    part.op === "="
      ? tn("{n} character unchanged", "{n} characters unchanged", part.left_out)
      : tn("{n} more character", "{n} more characters", part.left_out);
  if (!open) return <span class="lgviz-fold">{`… ${said} …`}</span>;
  const next = Math.min(MOST_TEXT, part.left_out);
  return (
    <button
      type="button"
      class="lgviz-fold"
      data-testid="lgviz-fold"
      aria-disabled={busy}
      title={next < part.left_out ? t("Show {n} of them", { n: thousands(next) }) : t("Show them")}
      onClick={open}
    >
      {busy ? t("loading…") : `… ${said} …`}
    </button>
  );
}

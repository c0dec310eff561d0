import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ValueItem, ValueNode } from "../../protocol";
import { ProtocolError } from "../../source/error";
import { CopyButton } from "../ui/copy";
import { Message } from "./message";
import { expandable, firstPosition, gather, isContainer, type Load, PAGE, total, wholeText } from "../../lib/paging";
import { Problem } from "../ui/problem";
import { bytes, count, thousands } from "../../lib/format";

interface Props {
  node: ValueNode;
  /** Its key in the container above; absent at the top. */
  name?: string;
  path?: readonly number[];
  /** Absent where nothing more can be asked for: then only what was sent is shown. */
  load?: Load | undefined;
  open?: boolean;
  /** A channel's own value: its line is the head of its card. */
  channel?: { changed: boolean; reducer: string | null };
  /** Children without a line above them. */
  bare?: boolean;
}

/** One value of any type: a line, and below it, once opened, its children or the rest of its text. */
export function Value({ node, name, path = [], load, open = false, channel, bare = false }: Props) {
  const [isOpen, setOpen] = useState(open);
  const can = expandable(node, load !== undefined);
  const shown = can && isOpen;
  if (bare && can && isContainer(node)) return <Inside node={node} path={path} load={load} />;
  return (
    <div class={`lgi-value is-${node.kind}${channel ? " is-channel" : ""}`}>
      <div class="lgi-value-line">
        {channel?.changed && <Changed />}
        <Toggle can={can} open={shown} set={setOpen} name={name ?? node.type}>
          {name !== undefined && <span class="lgi-key">{name}</span>}
          <Line node={node} open={shown} />
        </Toggle>
        <CopyButton label={`Copy ${name ?? "the value"}`} text={() => gather(node, load, path)} />
        {channel?.reducer && <span class="lgi-who">{channel.reducer}</span>}
      </div>
      {shown && <Inside node={node} path={path} load={load} />}
    </div>
  );
}

export function Changed() {
  return <span class="lgi-changed" role="img" aria-label="changed" title="changed by this step" />;
}

interface ToggleProps {
  can: boolean;
  open: boolean;
  set(open: boolean): void;
  name: string;
  children: ComponentChildren;
}

function Toggle({ can, open, set, name, children }: ToggleProps) {
  if (!can) return <span class="lgi-toggle is-flat">{children}</span>;
  return (
    <button type="button" class="lgi-toggle" aria-expanded={open} title={name} onClick={() => set(!open)}>
      {children}
    </button>
  );
}

/** What a closed value says about itself. */
function Line({ node, open }: { node: ValueNode; open: boolean }) {
  switch (node.kind) {
    case "undecodable":
      return (
        <span class="lgi-undecodable">
          <b>cannot be decoded</b> {node.text}
          <span class="lgi-faint">
            {" "}
            {node.type}
            {node.size !== null && ` · ${bytes(node.size)}`}
          </span>
        </span>
      );
    case "string":
      if (open) return <span class="lgi-type">{count(node.size ?? node.text.length, "character")}</span>;
      return <span class="lgi-text">{quoted(node)}</span>;
    case "null":
    case "bool":
    case "number":
    case "time":
      return <span class="lgi-text">{node.text}</span>;
    default:
      return (
        <>
          <span class="lgi-type">
            {node.type}
            {node.size !== null && ` ${node.kind === "bytes" ? bytes(node.size) : thousands(node.size)}`}
          </span>
          {!open && <span class="lgi-preview">{node.text}</span>}
        </>
      );
  }
}

function quoted(node: ValueNode): string {
  const line = node.text.split("\n", 1)[0] ?? "";
  const cut = node.more > 0 || line.length < node.text.length;
  return cut ? `"${line}…` : `"${line}"`;
}

function Inside({ node, path, load }: { node: ValueNode; path: readonly number[]; load: Load | undefined }) {
  if (node.kind === "string") return <LongText node={node} path={path} load={load} />;
  return (
    <>
      {node.message && <Message message={node.message} path={path} load={load} />}
      {(!node.message || node.items !== undefined || load) && (
        <Children node={node} path={path} load={load} />
      )}
    </>
  );
}

/** A text with its line breaks; the rest of a long one is loaded when asked for. */
function LongText({
  node,
  path,
  load,
}: {
  node: ValueNode;
  path: readonly number[];
  load: Load | undefined;
}) {
  return (
    <Text
      text={node.text}
      more={node.more}
      whole={load && (() => wholeText(load, path, node.text, node.more))}
    >
      {(text) => <div class="lgi-long">{text}</div>}
    </Text>
  );
}

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
  const canShow = short.length < known.length || (left > 0 && whole !== undefined);
  return (
    <>
      {children(hidden > 0 ? `${short}…` : short)}
      {canShow && (
        <button type="button" class="lgi-link" aria-disabled={busy} onClick={() => void (busy || show())}>
          {busy ? "loading…" : `show ${thousands(hidden)} more characters`}
        </button>
      )}
      {!canShow && left > 0 && <span class="lgi-faint">{thousands(left)} more characters</span>}
      {open && !canShow && (known !== text || known.length > clamp) && (
        <button type="button" class="lgi-link" onClick={() => setOpen(false)}>
          show less
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

interface Pages {
  of: ValueNode;
  items: ValueItem[];
  busy: boolean;
  error: ProtocolError | null;
}

/** Children sent, then loaded in pages. A new value from another checkpoint starts anew. */
function Children({
  node,
  path,
  load,
}: {
  node: ValueNode;
  path: readonly number[];
  load: Load | undefined;
}) {
  const start: Pages = { of: node, items: node.items ?? [], busy: false, error: null };
  const [pages, setPages] = useState(start);
  const now = pages.of === node ? pages : start;
  const abort = useRef<AbortController | null>(null);
  const first = firstPosition(node);
  const next = async () => {
    if (!load) return;
    abort.current?.abort();
    const mine = new AbortController();
    abort.current = mine;
    setPages({ ...now, busy: true, error: null });
    try {
      const page = await load(path, first + now.items.length, PAGE, mine.signal);
      if (mine.signal.aborted) return;
      setPages({ of: node, items: [...now.items, ...(page.items ?? [])], busy: false, error: null });
    } catch (error) {
      if (!mine.signal.aborted) setPages({ ...now, busy: false, error: ProtocolError.of(error) });
    }
  };
  useEffect(() => {
    if (node.items === undefined && node.size !== 0 && load) void next();
    return () => abort.current?.abort();
  }, [node]);
  const left = total(node) - first - now.items.length;
  const index = node.kind === "list" || node.kind === "set" || node.kind === "array";
  return (
    <div class={`lgi-children${index ? " is-index" : ""}`}>
      {now.items.map((item, i) => (
        <Value key={first + i} name={item.key} node={item.value} path={[...path, first + i]} load={load} />
      ))}
      {now.error && <Problem error={now.error} retry={next} />}
      {now.busy && <span class="lgi-faint">loading…</span>}
      {!now.busy && !now.error && left > 0 && now.items.length > 0 && (
        <More left={left} load={load} next={next} />
      )}
      {node.size === 0 && <span class="lgi-faint">empty</span>}
    </div>
  );
}

function More({ left, load, next }: { left: number; load: Load | undefined; next(): void }) {
  if (!load) return <span class="lgi-faint">{thousands(left)} more</span>;
  return (
    <button type="button" class="lgi-link" onClick={next}>
      {left > PAGE ? `show ${PAGE} more of ${thousands(left)}` : `show ${thousands(left)} more`}
    </button>
  );
}

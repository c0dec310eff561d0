// One value of any type: a line, and below it, once opened, its children, the rest of its text or its message.

import type { ComponentChildren } from "preact";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { bytes, thousands } from "../../lib/format";
import {
  expandable,
  firstPosition,
  gather,
  isContainer,
  type Load,
  messageFrom,
  PAGE,
  textFrom,
  total,
} from "../../lib/paging";
import { t, tn } from "../../lib/words";
import type { MessageView, ToolCallView, ValueItem, ValueNode } from "../../protocol";
import { ProtocolError } from "../../source/error";
import { Changes } from "../find/changes";
import { InChannel, Marking, Sought, useInSight, useReach, Words } from "../find/found";
import { Origin, Unmarked, useLined } from "../find/gutter";
import { CopyButton } from "../ui/copy";
import { type Edit, EditButton } from "../ui/edit";
import { useOpen } from "../ui/expand";
import { Problem } from "../ui/problem";
import { Rendered } from "../ui/rendered";
import { Answered, Blocks, InvalidCall } from "./blocks";
import { Prose, ProseText } from "./markdown";
import { facts, Media } from "./media";
import { arrayFacts, Table } from "./table";
import { Text } from "./text";

interface Props {
  node: ValueNode;
  /** Its key in the container above; absent at the top. */
  name?: string;
  path?: readonly number[];
  /** Absent where nothing more can be asked for: then only what was sent is shown. */
  load?: Load | undefined;
  /** Edits a part of it; absent where it cannot be. */
  edit?: Edit | undefined;
  open?: boolean;
  /** A channel's own value: its line is the head of its card. */
  channel?: { changed: boolean; reducer: string | null; since: ComponentChildren };
  /** Children without a line above them. */
  bare?: boolean;
}

/** One value of any type: a line, and below it, once opened, its children or the rest of its text. */
export function Value({ node, name, path = [], load, edit, open = false, channel, bare = false }: Props) {
  const [isOpen, setOpen] = useOpen(open, isContainer(node) && node.items === undefined && !node.message);
  const box = useRef<HTMLDivElement>(null);
  const reach = useReach(path);
  const can = expandable(node, load !== undefined);
  const shown = can && isOpen;
  // On the way to what one came for everything opens; a text whose line shows it stays a line.
  const opens = reach !== null && !(reach === "here" && isContainer(node) && !node.message);
  useLayoutEffect(() => {
    if (opens) setOpen(true);
  }, [opens]);
  const found = useContext(InChannel);
  useInSight(box, found, reach === "here");
  if (bare && can && isContainer(node)) return <Inside node={node} path={path} load={load} edit={edit} />;
  const drawn = (
    <div
      ref={box}
      class={`lgviz-value is-${node.kind}${channel ? " is-channel" : ""}${reach === "here" && found?.text === "" ? " is-landed" : ""}`}
    >
      {name !== undefined && <Origin path={path} />}
      <div class="lgviz-value-line">
        {channel?.changed && <Changed />}
        <Toggle can={can} open={shown} set={setOpen} name={name ?? node.type}>
          {name !== undefined && (
            <span class="lgviz-key">
              <Words text={name} />
            </span>
          )}
          <Line node={node} open={shown} />
        </Toggle>
        <span class="lgviz-tools">
          <CopyButton
            label={name === undefined ? t("Copy the value") : t("Copy {name}", { name })}
            text={() => gather(node, load, path)}
          />
          {!FIXED.has(node.kind) && <EditButton edit={edit} path={path} name={name ?? node.type} />}
        </span>
        {channel?.reducer && <span class="lgviz-card-who">{channel.reducer}</span>}
        {channel?.since}
        {channel && name !== undefined && <Changes channel={name} />}
      </div>
      {shown && <Inside node={node} path={path} load={load} edit={edit} />}
    </div>
  );
  return reach === "here" ? <Marking>{drawn}</Marking> : drawn;
}

/** Kinds of values that are made by code only, not typed. */
const FIXED = new Set(["bytes", "array", "frame", "undecodable"]);

export function Changed() {
  return (
    <span class="lgviz-changed" role="img" aria-label={t("changed")} title={t("changed by this step")} />
  );
}

interface ToggleProps {
  can: boolean;
  open: boolean;
  set(open: boolean): void;
  name: string;
  children: ComponentChildren;
}

function Toggle({ can, open, set, name, children }: ToggleProps) {
  if (!can) return <span class="lgviz-toggle is-flat">{children}</span>;
  return (
    <button type="button" class="lgviz-toggle" aria-expanded={open} title={name} onClick={() => set(!open)}>
      {children}
    </button>
  );
}

/** What a closed value says about itself. */
function Line({ node, open }: { node: ValueNode; open: boolean }) {
  switch (node.kind) {
    case "undecodable":
      return (
        <span class="lgviz-undecodable">
          <b>{t("cannot be decoded")}</b> {node.text}
          <span class="lgviz-faint">
            {" "}
            {node.type}
            {node.size !== null && ` · ${bytes(node.size)}`}
          </span>
        </span>
      );
    case "array":
      return (
        <>
          <span class="lgviz-type">{node.type}</span>
          <span class={node.array ? "lgviz-figures" : "lgviz-preview"}>
            {node.array ? arrayFacts(node.array) : node.text}
          </span>
          {!open && node.array && node.text.includes("[") && (
            <span class="lgviz-preview lgviz-faint">{node.text.slice(node.text.indexOf("["))}</span>
          )}
        </>
      );
    case "string":
      if (node.media) return <MediaLine node={node} />;
      if (open)
        return (
          <span class="lgviz-type">
            {tn("{n} character", "{n} characters", node.size ?? node.text.length)}
          </span>
        );
      return (
        <span class="lgviz-text">
          <Words text={quoted(node)} />
        </span>
      );
    case "null":
    case "bool":
    case "number":
    case "time":
      return (
        <span class="lgviz-text">
          <Words text={node.text} />
        </span>
      );
    default:
      if (node.media) return <MediaLine node={node} />;
      return (
        <>
          <span class="lgviz-type">
            {node.type}
            {node.size !== null && ` ${node.kind === "bytes" ? bytes(node.size) : thousands(node.size)}`}
            {node.table && ` × ${thousands(node.table.width)}`}
          </span>
          {!open && <span class="lgviz-preview">{node.text}</span>}
        </>
      );
  }
}

function MediaLine({ node }: { node: ValueNode }) {
  return (
    <>
      <span class="lgviz-type">{node.type}</span>
      <span class="lgviz-preview">{node.media && facts(node.media)}</span>
    </>
  );
}

function quoted(node: ValueNode): string {
  const line = node.text.split("\n", 1)[0] ?? "";
  const cut = node.more > 0 || line.length < node.text.length;
  return cut ? `"${line}…` : `"${line}"`;
}

interface InsideProps {
  node: ValueNode;
  path: readonly number[];
  load: Load | undefined;
  edit: Edit | undefined;
}

function Inside({ node, path, load, edit }: InsideProps) {
  if (node.media) return <MediaText node={node} path={path} load={load} />;
  if (node.table) return <Table node={node} path={path} load={load} />;
  if (node.kind === "string") return <LongText node={node} path={path} load={load} />;
  return (
    <>
      {node.message && <Message message={node.message} path={path} load={load} />}
      {(!node.message || node.items !== undefined || load) && (
        <Children node={node} path={path} load={load} edit={FIXED.has(node.kind) ? undefined : edit} />
      )}
    </>
  );
}

/** What a value holds by its bytes; the text of a `data:` URI too where values are shown as they are stored. */
function MediaText({ node, path, load }: Omit<InsideProps, "edit">) {
  const rendered = useContext(Rendered);
  return (
    <>
      {node.media && <Media media={node.media} path={path} load={load} said />}
      {node.kind === "string" && (!rendered || node.media?.kind === "file") && (
        <LongText node={node} path={path} load={load} />
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
  const shown = {
    text: node.text,
    more: node.more,
    from: load && ((start: number, size: number) => textFrom(load, path, start, size)),
  };
  if (!useLined(path)) return <ProseText class="lgviz-long" {...shown} />;
  return (
    <Text {...shown}>
      {(text) => (
        <div class="lgviz-long">
          {text.split("\n").map((line, i) => (
            <div key={i} class="lgviz-long-line">
              <Origin path={path} line={i} />
              <Words text={line} />
            </div>
          ))}
        </div>
      )}
    </Text>
  );
}

interface Pages {
  of: ValueNode;
  items: ValueItem[];
  busy: boolean;
  error: ProtocolError | null;
}

/** Children sent, then loaded in pages. A new value from another checkpoint starts anew. */
function Children({ node, path, load, edit }: InsideProps) {
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
  // What one came for may stand on a later page.
  const reach = useReach(path);
  const later = typeof reach === "number" && reach >= first + now.items.length && left > 0;
  const more = later && !now.busy && !now.error && now.items.length > 0;
  useEffect(() => {
    if (more) void next();
  }, [more, now.items.length]);
  const index = node.kind === "list" || node.kind === "set" || node.kind === "array";
  return (
    <div class={`lgviz-children${index ? " is-index" : ""}`}>
      {now.items.map((item, i) => (
        <Value
          key={first + i}
          name={item.key}
          node={item.value}
          path={[...path, first + i]}
          load={load}
          edit={edit}
        />
      ))}
      {now.error && <Problem error={now.error} retry={next} />}
      {now.busy && <span class="lgviz-faint">{t("loading…")}</span>}
      {!now.busy && !now.error && left > 0 && now.items.length > 0 && (
        <More left={left} load={load} next={next} />
      )}
      {node.size === 0 && <span class="lgviz-faint">{t("empty")}</span>}
    </div>
  );
}

function More({ left, load, next }: { left: number; load: Load | undefined; next(): void }) {
  if (!load) return <span class="lgviz-faint">{tn("{n} more", "{n} more", left)}</span>;
  return (
    <button type="button" class="lgviz-link" onClick={next}>
      {left > PAGE
        ? t("show {n} more of {total}", { n: PAGE, total: thousands(left) })
        : tn("show {n} more", "show {n} more", left)}
    </button>
  );
}

interface MessageProps {
  message: MessageView;
  path?: readonly number[];
  load?: Load | undefined;
  /** How a diff shows it. */
  tint?: "added" | "removed" | undefined;
}

const COLORED = new Set(["human", "ai", "tool", "system"]);

/** One message of a chat: who, the text with its line breaks, tool calls. */
export function Message({ message, path = [], load, tint }: MessageProps) {
  const { role, name, tool_calls: calls } = message;
  const bare = calls.length === 0 && message.invalid_tool_calls.length === 0;
  return (
    <div class={`lgviz-message${tint ? ` is-${tint}` : ""}`} data-role={role}>
      <span class={`lgviz-role${COLORED.has(role) ? ` is-${role}` : ""}`}>
        {tint && <span class="lgviz-sign">{tint === "added" ? "+" : "−"}</span>}
        {role}
      </span>
      <div class="lgviz-message-body">
        {(name || message.status === "error") && (
          <div class="lgviz-message-meta">
            {name && (
              <code>
                <Words text={name} />
              </code>
            )}
            {message.status === "error" && <span class="lgviz-badge is-error">{t("error")}</span>}
          </div>
        )}
        {message.blocks.length > 0 && <Blocks message={message} path={path} load={load} />}
        {message.blocks.length === 0 && (message.text !== "" || (bare && message.more === 0)) && (
          <Text
            text={message.text}
            more={message.more}
            from={load && ((start, size) => messageFrom(load, path, start, size))}
            clamp={600}
          >
            {(text) => (
              <Prose text={text} plain={role === "tool"}>
                <div class="lgviz-message-text">
                  {text === "" ? <i class="lgviz-faint">{t("empty")}</i> : <Words text={text} />}
                </div>
              </Prose>
            )}
          </Text>
        )}
        {calls.map((call, i) => (
          <ToolCall key={call.id ?? i} call={call} />
        ))}
        {message.invalid_tool_calls.map((call, i) => (
          <InvalidCall key={i} call={call} />
        ))}
        <Answered message={message} />
      </div>
    </div>
  );
}

/** `name(arg=…)`, opening to its typed arguments; `opened`: all of them at once. */
export function ToolCall({ call, opened = false }: { call: ToolCallView; opened?: boolean }) {
  const [open, setOpen] = useOpen(opened);
  const line = callArguments(call.args);
  // What one came for may be cut off in the line.
  const sought = useContext(Sought);
  const hidden =
    sought !== null && !line.includes(sought) && call.args.some(({ value }) => value.text.includes(sought));
  useLayoutEffect(() => {
    if (hidden) setOpen(true);
  }, [hidden]);
  return (
    <div class="lgviz-tool">
      <button type="button" class="lgviz-tool-chip" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span class="lgviz-tool-name">
          <Words text={call.name} />
        </span>
        (<Words text={opened && open ? "…" : line} />)
      </button>
      {open && (
        <div class="lgviz-children">
          {call.args.length === 0 && <span class="lgviz-faint">{t("no arguments")}</span>}
          <Unmarked>
            {call.args.map((arg) => (
              <Value key={arg.key} name={arg.key} node={arg.value} open={opened || hidden} />
            ))}
          </Unmarked>
          {call.id && <div class="lgviz-faint lgviz-mono">id {call.id}</div>}
        </div>
      )}
    </div>
  );
}

/** Arguments on one line, as a call would be written. */
export function callArguments(args: readonly ValueItem[]): string {
  return args.map(({ key, value }) => `${key}=${inline(value)}`).join(", ");
}

function inline(value: ValueNode): string {
  const line = value.text.replaceAll("\n", " ");
  const cut = line.length > 48 || value.more > 0 ? `${line.slice(0, 47)}…` : line;
  return value.kind === "string" ? `"${cut}"` : cut;
}

// The State tab: what changed first, internal channels on request.
import type { ComponentChildren } from "preact";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { thousands } from "../../lib/format";
import { firstPosition, gather, isChat, type Load, loader, total } from "../../lib/paging";
import { t, tn } from "../../lib/words";
import type { ChannelView, CheckpointView, ValueItem, ValueNode } from "../../protocol";
import { ProtocolError } from "../../source/error";
import { labelOf, type Store } from "../../state/store";
import type { ViewState } from "../../state/view";
import { Changes } from "../find/changes";
import { type Found, InChannel, Marking, useFound, useInSight, useReach } from "../find/found";
import { InGutter, Origin, Since, useOrigins } from "../find/gutter";
import { Here } from "../find/here";
import { CopyButton } from "../ui/copy";
import { type Edit, EditButton } from "../ui/edit";
import { Problem } from "../ui/problem";
import { Changed, Message, Value } from "./value";

/** Messages shown at first, from the end; and how many more each time. */
const TAIL = 8;
const EARLIER = 40;

export function State({ view, store }: { view: CheckpointView; store: Store }) {
  const [internal, setInternal] = useState(false);
  const found = useFound(view, store.source);
  const origins = useOrigins(view, store);
  const here = useContext(Here);
  const shown = view.channels.filter((channel) => internal || !channel.internal);
  const hidden = view.channels.length - view.channels.filter((channel) => !channel.internal).length;
  const channels = [...shown].sort((a, b) => rank(a) - rank(b));
  return (
    <>
      {channels.length === 0 && <p class="lgviz-empty">{t("No channel has a value yet.")}</p>}
      {channels.map((channel) => (
        <InGutter key={channel.name} marks={origins?.get(channel.name)}>
          <Channel
            channel={channel}
            found={found?.channel === channel.name ? found : null}
            load={loader(store.source, view.id, channel.name)}
            edit={channel.internal ? undefined : editOf(store, here, view.id, channel.name)}
            since={<Since channel={channel.name} of={view.id} store={store} />}
            marked={origins?.has(channel.name) ?? false}
          />
        </InGutter>
      ))}
      {hidden > 0 && (
        <p class="lgviz-more">
          {internal ? t("{n} internal shown", { n: hidden }) : t("{n} internal hidden", { n: hidden })}
          {" · "}
          <button
            type="button"
            class="lgviz-link"
            aria-pressed={internal}
            onClick={() => setInternal(!internal)}
          >
            {internal ? t("hide") : t("show")}
          </button>
        </p>
      )}
    </>
  );
}

/** How parts of a channel are edited; absent where nothing can be forked. */
function editOf(store: Store, here: ViewState | null, checkpoint: string, channel: string): Edit | undefined {
  if (store.readOnly.value !== null) return undefined;
  return (path) => {
    const selected = store.selected.peek();
    if (selected === checkpoint) store.openFork({ channel, path });
    // The state of the checkpoint that was selected before is shown until this one's is read.
    else if (selected !== null)
      here?.say(t("{label} is still being read", { label: labelOf(store, selected) }));
  };
}

function rank(channel: ChannelView): number {
  return (channel.internal ? 2 : 0) + (channel.changed ? 0 : 1);
}

interface ChannelProps {
  channel: ChannelView;
  /** What one came for, where it is in this channel. */
  found: Found | null;
  load: Load;
  edit: Edit | undefined;
  since: ComponentChildren;
  /** Whether its parts have marks beside them. */
  marked: boolean;
}

function Channel({ channel, found, load, edit, since, marked }: ChannelProps) {
  const { name, value, reducer, changed, internal } = channel;
  const box = useRef<HTMLElement>(null);
  const whole = found?.path === null || (found?.path.length === 0 && isChat(value));
  useInSight(box, found, whole);
  return (
    <section
      ref={box}
      class={`lgviz-card${internal ? " is-internal" : ""}${marked ? " is-marked" : ""}${whole && found?.text === "" ? " is-landed" : ""}`}
      data-channel={name}
      aria-label={name}
    >
      <InChannel.Provider value={found}>
        {isChat(value) ? (
          <>
            <header>
              <Origin path={[]} />
              {changed && <Changed />}
              <b>{name}</b>
              <span>{tn("{n} message", "{n} messages", total(value))}</span>
              <span class="lgviz-tools">
                <CopyButton label={t("Copy {name}", { name })} text={() => gather(value, load, [])} />
                <EditButton edit={edit} path={[]} name={name} />
              </span>
              {reducer && <span class="lgviz-card-who">{reducer}</span>}
              {since}
              <Changes channel={name} />
            </header>
            <Chat value={value} load={load} edit={edit} />
          </>
        ) : (
          <Value
            name={name}
            node={value}
            load={load}
            edit={edit}
            open={small(value)}
            channel={{ changed, reducer, since }}
          />
        )}
      </InChannel.Provider>
    </section>
  );
}

/** Few enough children, all sent: no click needed to see them. */
function small(value: ValueNode): boolean {
  if (value.table || value.media) return true;
  if (value.kind === "string") return value.text.length < 600;
  return value.items !== undefined && value.items.length <= 6 && value.more === 0;
}

interface Loaded {
  of: ValueNode;
  first: number;
  items: ValueItem[];
}

/** A list of messages from its end, earlier ones on request. */
function Chat({ value, load, edit }: { value: ValueNode; load: Load; edit: Edit | undefined }) {
  const size = total(value);
  const sent: Loaded = { of: value, first: firstPosition(value), items: value.items ?? [] };
  const [loaded, setLoaded] = useState(sent);
  const [shown, setShown] = useState(TAIL);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ProtocolError | null>(null);
  const now = loaded.of === value ? loaded : sent;
  // A button for one or two messages would take as much room as they do.
  const from = size - shown > 2 ? size - shown : 0;
  // What one came for is among the messages shown, or, far from them, above them.
  const reach = useReach([]);
  const sought = typeof reach === "number" && reach < from ? reach : -1;
  const near = sought >= 0 && size - sought <= TAIL + EARLIER;
  useLayoutEffect(() => {
    if (near) setShown(size - sought);
  }, [near]);

  const fetchFrom = async (first: number, signal?: AbortSignal) => {
    setBusy(true);
    setError(null);
    try {
      const end = now.first + now.items.length === size ? now.first : size;
      const items: ValueItem[] = [];
      // A page of long messages is shorter than asked for.
      while (first + items.length < end) {
        const page = await load([], first + items.length, end - first - items.length, signal);
        if (signal?.aborted) return;
        if (!page.items?.length) break;
        items.push(...page.items);
      }
      setLoaded({ of: value, first, items: end === size ? items : [...items, ...now.items] });
    } catch (failure) {
      if (!signal?.aborted) setError(ProtocolError.of(failure));
    } finally {
      if (!signal?.aborted) setBusy(false);
    }
  };
  const missing = now.first > from || now.first + now.items.length < size;
  useEffect(() => {
    if (!missing) return;
    const abort = new AbortController();
    void fetchFrom(from, abort.signal);
    return () => abort.abort();
  }, [value, from]);

  const complete = now.first + now.items.length >= size;
  const first = complete ? Math.max(from, now.first) : now.first;
  return (
    <div class="lgviz-chat">
      {sought >= 0 && !near && <Far position={sought} size={size} load={load} edit={edit} />}
      {from > 0 && (
        <button
          type="button"
          class="lgviz-link lgviz-earlier"
          aria-disabled={busy}
          onClick={() => setShown(busy ? shown : shown + EARLIER)}
        >
          {from > EARLIER
            ? t("show {n} earlier of {total}", { n: EARLIER, total: thousands(from) })
            : tn("show {n} earlier message", "show {n} earlier messages", from)}
        </button>
      )}
      {busy && <span class="lgviz-faint lgviz-earlier">{t("loading…")}</span>}
      {error && <Problem error={error} retry={() => void fetchFrom(from)} />}
      {now.items.slice(first - now.first).map((item, i) => (
        <MessageItem key={first + i} item={item} position={first + i} load={load} edit={edit} />
      ))}
    </div>
  );
}

/** One message far before those that are shown. */
function Far({ position, size, load, edit }: { position: number; size: number } & Omit<ItemProps, "item">) {
  const [item, setItem] = useState<ValueItem | undefined>();
  const [error, setError] = useState<ProtocolError | null>(null);
  const fetch = (signal?: AbortSignal) => {
    setError(null);
    load([], position, 1, signal).then(
      (page) => signal?.aborted || setItem(page.items?.[0]),
      (failure) => signal?.aborted || setError(ProtocolError.of(failure)),
    );
  };
  useEffect(() => {
    const abort = new AbortController();
    fetch(abort.signal);
    return () => abort.abort();
  }, [load, position]);
  return (
    <>
      <span class="lgviz-faint lgviz-earlier">
        {t("message {n} of {total}", { n: thousands(position + 1), total: thousands(size) })}
      </span>
      {item && <MessageItem item={item} position={position} load={load} edit={edit} />}
      {error && <Problem error={error} retry={() => fetch()} />}
    </>
  );
}

interface ItemProps {
  item: ValueItem;
  position: number;
  load: Load;
  edit: Edit | undefined;
}

function MessageItem({ item, position, load, edit }: ItemProps) {
  const [fields, setFields] = useState(false);
  const { message, ...node } = item.value;
  const box = useRef<HTMLDivElement>(null);
  const here = useReach([position]) !== null;
  const found = useContext(InChannel);
  useInSight(box, found, here && message !== undefined);
  if (!message) return <Value name={item.key} node={item.value} path={[position]} load={load} edit={edit} />;
  return (
    <div ref={box} class={`lgviz-message-item${here && found?.text === "" ? " is-landed" : ""}`}>
      <Origin path={[position]} />
      {here ? (
        <Marking>
          <Message message={message} path={[position]} load={load} />
        </Marking>
      ) : (
        <Message message={message} path={[position]} load={load} />
      )}
      <span class="lgviz-message-tools">
        <button
          type="button"
          class="lgviz-copy"
          aria-expanded={fields}
          aria-label={t("Fields of message {n}", { n: position })}
          onClick={() => setFields(!fields)}
        >
          {t("fields")}
        </button>
        <CopyButton
          label={t("Copy message {n}", { n: position })}
          text={() => gather(item.value, load, [position])}
        />
        <EditButton edit={edit} path={[position]} name={t("message {n}", { n: position })} wide />
      </span>
      {fields && <Value node={node} path={[position]} load={load} edit={edit} open />}
    </div>
  );
}

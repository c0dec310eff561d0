// The Diff tab: what differs between two checkpoints, a card a channel.

import { useState } from "preact/hooks";
import { place } from "../../lib/format";
import { isContainer, type Load, loader, messageFrom, textFrom } from "../../lib/paging";
import { t, tn } from "../../lib/words";
import type { ChangeView, ChannelDiff, DiffView, ValueNode } from "../../protocol";
import type { Source } from "../../source/types";
import { useAsk } from "../ui/ask";
import { Problem } from "../ui/problem";
import { TextDiff } from "./textdiff";
import { Message, Value } from "./value";

interface Props {
  source: Source;
  /** The older checkpoint (null: there is none) and the newer one. */
  pair: readonly [before: string | null, after: string];
  /** The older one was chosen too; else it is the parent. */
  compared: boolean;
  version: unknown;
}

export function Diff({ source, pair: [before, after], compared, version }: Props) {
  const [internal, setInternal] = useState(false);
  const [swapped, setSwapped] = useState(false);
  const swap = swapped && before !== null;
  const params = swap
    ? { before: after, after: before, internal }
    : { before: compared ? before : null, after, internal };
  const asked = useAsk(source, "diff_get", params, version);
  const diff = asked.data;
  if (asked.error) return <Problem error={asked.error} retry={asked.retry} />;
  if (!diff) return <p class="lgviz-empty">…</p>;
  return (
    <div aria-busy={asked.pending}>
      <div class="lgviz-diff-head">
        <span class="lgviz-mono" data-testid="lgviz-diff-between">
          {diff.before ?? t("nothing")} → {diff.after ?? t("nothing")}
        </span>
        <span class="lgviz-faint">{compared ? t("two selections") : t("against the parent")}</span>
        {before !== null && (
          <button type="button" class="lgviz-link" aria-pressed={swap} onClick={() => setSwapped(!swapped)}>
            {t("swap")}
          </button>
        )}
      </div>
      <Channels
        diff={diff}
        load={{
          before: before === null ? undefined : (channel) => loader(source, swap ? after : before, channel),
          after: (channel) => loader(source, swap && before !== null ? before : after, channel),
        }}
      />
      <p class="lgviz-more">
        <Hidden diff={diff} shown={internal} toggle={() => setInternal(!internal)} />
      </p>
    </div>
  );
}

/** Asks for parts of a channel's value, on each side of a diff; absent where nothing can be asked for. */
export type Loads = { [side in "before" | "after"]?: ((channel: string) => Load) | undefined };

export function Channels({ diff, load = {} }: { diff: DiffView; load?: Loads }) {
  if (diff.channels.length === 0) return <p class="lgviz-empty">{t("Nothing differs.")}</p>;
  return (
    <>
      {diff.channels.map((channel) => (
        <Card key={channel.channel} diff={channel} load={load} />
      ))}
    </>
  );
}

function Hidden({ diff, shown, toggle }: { diff: DiffView; shown: boolean; toggle(): void }) {
  const unchanged = diff.unchanged.length;
  const internal = diff.internal > 0 || shown;
  return (
    <>
      {unchanged > 0 &&
        (shown
          ? t("unchanged: {channels}", { channels: diff.unchanged.join(", ") })
          : tn("{n} channel unchanged", "{n} channels unchanged", unchanged))}
      {unchanged > 0 && internal && " · "}
      {internal && !shown && t("{n} internal hidden", { n: diff.internal })}
      {(unchanged > 0 || internal) && (
        <>
          {unchanged > 0 || !shown ? " · " : ""}
          <button type="button" class="lgviz-link" aria-pressed={shown} onClick={toggle}>
            {shown ? t("hide") : t("show")}
          </button>
        </>
      )}
    </>
  );
}

function Card({ diff, load }: { diff: ChannelDiff; load: Loads }) {
  const { channel, changes } = diff;
  const only = changes.length === 1 ? changes[0] : undefined;
  return (
    // biome-ignore lint/a11y/useSemanticElements: no form, and no landmark: one channel may stand in several differences.
    <div
      class={`lgviz-card${diff.internal ? " is-internal" : ""}`}
      role="group"
      data-channel={channel}
      aria-label={channel}
    >
      <header>
        <b>{only && !isMessage(only) ? place(channel, only.path) : channel}</b>
        <span>{diff.summary}</span>
        <span class="lgviz-card-who">{[diff.reducer, diff.who].filter(Boolean).join(" · ")}</span>
      </header>
      {changes.map((change, i) => (
        <Change
          key={i}
          channel={channel}
          change={change}
          title={only === undefined && !isMessage(change)}
          load={load}
        />
      ))}
      {diff.more > 0 && (
        <p class="lgviz-more">
          {tn(
            "{n} more change: read it with Copy as Python",
            "{n} more changes: read them with Copy as Python",
            diff.more,
          )}
        </p>
      )}
    </div>
  );
}

function isMessage(change: ChangeView): boolean {
  return (change.after ?? change.before)?.message !== undefined;
}

interface ChangeProps {
  channel: string;
  change: ChangeView;
  title: boolean;
  load: Loads;
}

export function Change({ channel, change, title, load }: ChangeProps) {
  const { kind, before, after, words } = change;
  const old = placed(load.before?.(channel), change.before_at);
  const fresh = placed(load.after?.(channel), change.after_at);
  const message = before?.message && after?.message ? after.message : null;
  const from = message ? messageFrom : textFrom;
  const text = words && (
    <TextDiff
      parts={words}
      quoted={oneLine(before) && oneLine(after)}
      before={old && ((start, size) => from(old.load, old.path, start, size))}
      after={fresh && ((start, size) => from(fresh.load, fresh.path, start, size))}
    />
  );
  return (
    <div class="lgviz-change" data-testid="lgviz-diff-change" data-channel={channel} data-kind={kind}>
      {title && change.path !== "" && <div class="lgviz-path">{place(channel, change.path)}</div>}
      {text && message ? (
        <div class="lgviz-message">
          <span class={`lgviz-role is-${message.role}`}>{message.role}</span>
          <div class="lgviz-message-body">{text}</div>
        </div>
      ) : (
        text || (
          <>
            {before && kind !== "added" && <Side sign="−" node={before} at={old} />}
            {after && kind !== "removed" && <Side sign="+" node={after} at={fresh} />}
          </>
        )
      )}
    </div>
  );
}

interface Place {
  load: Load;
  path: number[];
}

/** Where a value is asked for. */
function placed(load: Load | undefined, path: number[] | null): Place | undefined {
  return load && path !== null ? { load, path } : undefined;
}

function oneLine(node: ValueNode | null): boolean {
  return (
    node !== null &&
    node.kind === "string" &&
    !node.text.includes("\n") &&
    node.more === 0 &&
    node.text.length < 90
  );
}

function Side({ sign, node, at }: { sign: "+" | "−"; node: ValueNode; at: Place | undefined }) {
  if (node.message)
    return <Message message={node.message} tint={sign === "+" ? "added" : "removed"} {...at} />;
  return (
    <div class={`lgviz-side is-${sign === "+" ? "added" : "removed"}`}>
      <span class="lgviz-sign">{sign}</span>
      {isContainer(node) || node.kind === "undecodable" || node.kind === "string" ? (
        <Value node={node} open={node.kind === "string" && !oneLine(node)} {...at} />
      ) : (
        <span class="lgviz-side-text">{node.text}</span>
      )}
    </div>
  );
}

// What a message holds besides plain text: pictures, sounds, files, thoughts, calls that failed, what it cost.

import { useState } from "preact/hooks";
import { type Load, textFrom } from "../../lib/paging";
import { t, tn } from "../../lib/words";
import type { BlockView, InvalidCallView, MessageView } from "../../protocol";
import { Words } from "../find/found";
import { useOpen } from "../ui/expand";
import { ProseText } from "./markdown";
import { Media } from "./media";
import { Text } from "./text";
import { UsageFact } from "./usage";
import { Value } from "./value";

interface BlocksProps {
  message: MessageView;
  path: readonly number[];
  load: Load | undefined;
}

/** The parts of a message's content, in order. */
export function Blocks({ message, path, load }: BlocksProps) {
  return (
    <>
      {message.blocks.map((block, i) => (
        <Block key={i} block={block} path={path} load={load} />
      ))}
      {message.blocks_more > 0 && (
        <span class="lgviz-faint">{tn("{n} more part", "{n} more parts", message.blocks_more)}</span>
      )}
    </>
  );
}

function Block({ block, path, load }: { block: BlockView; path: readonly number[]; load: Load | undefined }) {
  const at = block.path && [...path, ...block.path];
  if (block.media) return <Media media={block.media} path={at} load={load} />;
  if (block.value) {
    return <Value node={block.value} name={t("content")} {...(at && load ? { path: at, load } : {})} />;
  }
  const from = load && at ? (start: number, size: number) => textFrom(load, at, start, size) : undefined;
  if (block.kind === "reasoning") return <Reasoning block={block} from={from} />;
  return <ProseText class="lgviz-message-text" text={block.text} more={block.more} from={from} clamp={600} />;
}

type From = ((start: number, size: number) => Promise<string>) | undefined;

/** What a model thought before it answered: a line, until one opens it. */
function Reasoning({ block, from }: { block: BlockView; from: From }) {
  const [open, setOpen] = useOpen(false);
  if (block.text === "") return <p class="lgviz-reasoning lgviz-faint">{t("reasoning, not told")}</p>;
  return (
    <div class="lgviz-reasoning" data-testid="lgviz-reasoning">
      <button type="button" class="lgviz-link" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? t("reasoning") : t("reasoning …")}
      </button>
      {open ? (
        <Text text={block.text} more={block.more} from={from} clamp={1200}>
          {(text) => (
            <div class="lgviz-message-text">
              <Words text={text} />
            </div>
          )}
        </Text>
      ) : (
        <span class="lgviz-reasoning-line">{block.text.slice(0, 160)}</span>
      )}
    </div>
  );
}

/** A tool call that could not be read: what the model wrote, and why it is none. */
export function InvalidCall({ call }: { call: InvalidCallView }) {
  const [open, setOpen] = useState(false);
  return (
    <div class="lgviz-tool is-invalid" data-testid="lgviz-invalid-call">
      <button type="button" class="lgviz-tool-chip" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span class="lgviz-tool-name">{call.name}</span>
        (<Words text={open ? "…" : call.args.slice(0, 80)} />)
      </button>
      <span class="lgviz-badge is-error">{t("not valid")}</span>
      {open && <div class="lgviz-long">{call.args}</div>}
      {call.error !== "" && <div class="lgviz-invalid-why">{call.error}</div>}
    </div>
  );
}

/** Ends that need no word: the model said all it wanted to, or calls tools. */
const USUAL = new Set(["stop", "end_turn", "tool_calls", "tool_use", "function_call", "STOP", "eos"]);

/** Tokens, model and an unusual end, in a quiet line. */
export function Answered({ message }: { message: MessageView }) {
  const odd = message.finish !== null && !USUAL.has(message.finish);
  if (!message.usage && !odd) return null;
  return (
    <div class="lgviz-answered">
      {message.usage && <UsageFact usage={message.usage} />}
      {odd && (
        <span class="lgviz-badge is-stopped">{t("ended by {reason}", { reason: message.finish ?? "" })}</span>
      )}
    </div>
  );
}

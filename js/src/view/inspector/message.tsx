import { useState } from "preact/hooks";
import type { MessageView, ToolCallView, ValueItem, ValueNode } from "../../protocol";
import { type Load, wholeMessage } from "../../lib/paging";
import { Text, Value } from "./value";

interface Props {
  message: MessageView;
  path?: readonly number[];
  load?: Load | undefined;
  /** How a diff shows it. */
  tint?: "added" | "removed" | undefined;
}

const COLORED = new Set(["human", "ai", "tool", "system"]);

/** One message of a chat: who, the text with its line breaks, tool calls. */
export function Message({ message, path = [], load, tint }: Props) {
  const { role, name, tool_calls: calls } = message;
  return (
    <div class={`lgi-message${tint ? ` is-${tint}` : ""}`} data-role={role}>
      <span class={`lgi-role${COLORED.has(role) ? ` is-${role}` : ""}`}>
        {tint && <span class="lgi-sign">{tint === "added" ? "+" : "−"}</span>}
        {role}
      </span>
      <div class="lgi-message-body">
        {(name || message.status === "error") && (
          <div class="lgi-message-meta">
            {name && <code>{name}</code>}
            {message.status === "error" && <span class="lgi-badge is-error">error</span>}
          </div>
        )}
        {(message.text !== "" || (calls.length === 0 && message.more === 0)) && (
          <Text
            text={message.text}
            more={message.more}
            whole={load && (() => wholeMessage(load, path, message))}
            clamp={600}
          >
            {(text) => (
              <div class="lgi-message-text">{text === "" ? <i class="lgi-faint">empty</i> : text}</div>
            )}
          </Text>
        )}
        {calls.map((call, i) => (
          <ToolCall key={call.id ?? i} call={call} />
        ))}
      </div>
    </div>
  );
}

/** `name(arg=…)`, opening to its typed arguments. */
function ToolCall({ call }: { call: ToolCallView }) {
  const [open, setOpen] = useState(false);
  return (
    <div class="lgi-tool">
      <button type="button" class="lgi-tool-chip" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span class="lgi-tool-name">{call.name}</span>({callArguments(call.args)})
      </button>
      {open && (
        <div class="lgi-children">
          {call.args.length === 0 && <span class="lgi-faint">no arguments</span>}
          {call.args.map((arg) => (
            <Value key={arg.key} name={arg.key} node={arg.value} />
          ))}
          {call.id && <div class="lgi-faint lgi-mono">id {call.id}</div>}
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

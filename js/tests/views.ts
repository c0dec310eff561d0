// Views as the backend sends them, of which a test tells what it is about.
import type { MessageView } from "../src/protocol";

export function message(more: Partial<MessageView>): MessageView {
  return {
    role: "ai",
    name: null,
    id: null,
    text: "",
    more: 0,
    tool_calls: [],
    tool_call_id: null,
    status: null,
    blocks: [],
    blocks_more: 0,
    invalid_tool_calls: [],
    usage: null,
    finish: null,
    ...more,
  };
}

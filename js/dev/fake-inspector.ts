// Answers for the inspector without a kernel: one made-up trip-booking thread that shows every kind of thing.
import type {
  AsNodeOption,
  ChannelDiff,
  ChannelView,
  CheckpointView,
  DiffView,
  ForkField,
  ForkRequest,
  MessageView,
  RunView,
  TaskView,
  TaskWrites,
  Topology,
  ValueItem,
  ValueNode,
} from "../src/protocol";
import { ProtocolError } from "../src/source/error";
import type { Method, Params, Result } from "../src/source/types";
import type { FakeSource } from "./fake";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A Python-like value as a node; children below `depth` are left to be asked for. */
export function node(value: Json, depth = 2): ValueNode {
  if (value === null) return scalar("null", "NoneType", "None");
  if (typeof value === "boolean") return scalar("bool", "bool", value ? "True" : "False");
  if (typeof value === "number")
    return scalar("number", Number.isInteger(value) ? "int" : "float", String(value));
  if (typeof value === "string") {
    return {
      kind: "string",
      type: "str",
      text: value.slice(0, 500),
      size: value.length,
      more: Math.max(0, value.length - 500),
    };
  }
  const list = Array.isArray(value);
  const entries: [string, Json][] = list ? value.map((v, i) => [String(i), v]) : Object.entries(value);
  const made: ValueNode = {
    kind: list ? "list" : "dict",
    type: list ? "list" : "dict",
    text: JSON.stringify(value).slice(0, 90),
    size: entries.length,
    more: entries.length,
  };
  if (depth > 0) {
    made.items = entries.slice(0, 20).map(([key, v]) => ({ key, value: node(v, depth - 1) }));
    made.more = Math.max(0, entries.length - 20);
  }
  return made;
}

function scalar(kind: ValueNode["kind"], type: string, text: string): ValueNode {
  return { kind, type, text, size: null, more: 0 };
}

function message(role: string, text: string, extra: Partial<MessageView> = {}): ValueNode {
  const view: MessageView = {
    role,
    name: null,
    id: `m-${role}-${text.length}`,
    text: text.slice(0, 1200),
    more: Math.max(0, text.length - 1200),
    tool_calls: [],
    tool_call_id: null,
    status: null,
    ...extra,
  };
  return {
    kind: "message",
    type: `${role}Message`,
    text: `${role}: ${text}`.slice(0, 90),
    size: null,
    more: 0,
    message: view,
  };
}

const POLICY = `Refund policy, as of March.\n\n${"Basic economy tickets cannot be changed; cabins can be upgraded before the first flight. ".repeat(90)}`;
const EVIL = "<img src=x onerror=alert(1)>";

const CHAT: ValueNode[] = [
  message("system", POLICY),
  message("human", "Hi! I'd like to move my flight Z7GOZK to business class."),
  message("ai", "", {
    tool_calls: [{ id: "call_1", name: "get_reservation", args: items({ id: "Z7GOZK" }) }],
  }),
  message("tool", '{"id": "Z7GOZK", "cabin": "economy", "flights": ["HAT001", "HAT204"]}', {
    name: "get_reservation",
    tool_call_id: "call_1",
  }),
  message(
    "ai",
    "You fly HAT001 and HAT204 in economy. I will look up the fares:\n\n  1. business, refundable\n  2. business, flexible",
  ),
  message("human", EVIL),
  message("ai", "", {
    tool_calls: [{ id: "call_2", name: "search_fares", args: items({ cabin: "business" }) }],
  }),
  message("tool", "Timeout: the fare service did not answer within 5 s.", {
    name: "search_fares",
    tool_call_id: "call_2",
    status: "error",
  }),
  message("ai", "I can move you to business for $412. Shall I use the card ending in 7447?", {
    tool_calls: [
      {
        id: "call_3",
        name: "update_reservation",
        args: items({ id: "Z7GOZK", cabin: "business", payment: "…7447", seats: ["2A", "2B"], price: 412.5 }),
      },
    ],
  }),
];

function items(values: { [key: string]: Json }): ValueItem[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: node(value) }));
}

const LONG: Json = Array.from({ length: 9_920 }, (_, i) => ({
  flight: `HAT${i}`,
  price: 100 + (i % 700),
  seats: [i % 9, i % 7],
}));
const RESERVATION: Json = {
  id: "Z7GOZK",
  cabin: "business",
  passengers: [
    { name: "Ada Byron", age: 36, note: EVIL },
    { name: "Alan M. Turing", age: 41, note: null },
  ],
  total: 412.5,
  insured: false,
};

interface Channel {
  name: string;
  json?: Json;
  value: ValueNode;
  reducer: string | null;
  internal?: boolean;
}

const CHANNELS: Channel[] = [
  { name: "fares", json: LONG, value: node(LONG, 1), reducer: null },
  {
    name: "messages",
    value: {
      kind: "list",
      type: "list",
      text: `[${CHAT.length} messages]`,
      size: CHAT.length,
      more: 0,
      items: CHAT.map((value, i) => ({ key: String(i), value })),
    },
    reducer: "add_messages",
  },
  {
    name: "plan",
    json: "check fare, then upgrade and charge the card",
    value: node("check fare, then upgrade and charge the card"),
    reducer: null,
  },
  { name: "reservation", json: RESERVATION, value: node(RESERVATION), reducer: null },
  { name: "policy", json: POLICY, value: node(POLICY), reducer: null },
  {
    name: "model",
    value: {
      kind: "undecodable",
      type: "trip.models.FareModel",
      text: "the class trip.models.FareModel cannot be imported here",
      size: 18_432,
      more: 0,
    },
    reducer: null,
  },
  {
    name: "prices",
    value: { kind: "array", type: "ndarray", text: "float64 (3, 4)", size: 3, more: 3 },
    json: [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [9, 10, 11, 12],
    ],
    reducer: "add",
  },
  { name: "branch:to:tools", value: scalar("null", "NoneType", "None"), reducer: null, internal: true },
  { name: "__start__", json: { messages: [] }, value: node({ messages: [] }), reducer: null, internal: true },
  { name: "join:search_fares+search_seats:agent", value: node([]), json: [], reducer: null, internal: true },
];

const TOPOLOGY_NODES = ["user", "agent", "tools", "critic", "search_fares", "search_seats"];
export const TOPOLOGY: Topology = {
  nodes: [
    { id: "__start__", name: "__start__", kind: "start" },
    ...TOPOLOGY_NODES.map((id) => ({
      id,
      name: id,
      kind: id === "critic" ? ("subgraph" as const) : ("node" as const),
    })),
    { id: "__end__", name: "__end__", kind: "end" },
  ],
  edges: [
    edge("__start__", "user"),
    edge("user", "agent"),
    edge("agent", "tools", true),
    edge("tools", "agent"),
    edge("agent", "critic", true),
    edge("critic", "search_fares"),
    edge("critic", "search_seats"),
    edge("search_fares", "user"),
    edge("search_seats", "user"),
    edge("agent", "__end__", true, "done"),
  ],
};

function edge(source: string, target: string, conditional = false, label: string | null = null) {
  return { source, target, conditional, label };
}

/** A graph of `n` nodes, to see how a large one is drawn. */
export function largeTopology(n: number): Topology {
  const names = Array.from({ length: n }, (_, i) => `step_${i}${i % 5 === 0 ? "_with_a_long_name" : ""}`);
  return {
    nodes: [
      { id: "__start__", name: "__start__", kind: "start" },
      ...names.map((id) => ({ id, name: id, kind: "node" as const })),
      { id: "__end__", name: "__end__", kind: "end" },
    ],
    edges: [
      edge("__start__", names[0] as string),
      ...names.slice(1).map((name, i) => edge(names[Math.floor(i / 2)] as string, name, i % 3 === 0)),
      ...names.slice(Math.floor(n / 2)).map((name) => edge(name, "__end__")),
    ],
  };
}

const FAILED = `Traceback (most recent call last):
  File "/home/ada/trip/nodes.py", line 41, in tools
    fare = service.quote(state["reservation"], cabin="business", timeout=5.0, currency="USD", refundable=True)
  File "/home/ada/trip/service.py", line 107, in quote
    raise ToolError("the fare service did not answer within 5 s")
trip.service.ToolError: the fare service did not answer within 5 s`;

const QUESTION: Json = {
  question: "Charge $412 to the card ending in 7447?",
  amount: 412.5,
  action: "update_reservation",
};

/** What the fake says about a checkpoint: the scene depends on its label. */
function scene(label: string): Partial<CheckpointView> {
  if (label === "c9") {
    return {
      next: ["tools"],
      interrupts: [{ id: "i1", node: "tools", value: node(QUESTION), answered: false }],
    };
  }
  if (label === "c11")
    return { next: ["tools"], error: "tools failed: ToolError: the fare service did not answer within 5 s" };
  if (label === "c10")
    return {
      nodes: [],
      source: "update",
      as_node: "user",
      note: "what if they pay by voucher?",
      next: ["agent"],
    };
  if (label === "c7")
    return { nodes: ["search_fares", "search_seats"], next: ["user"], summary: "two values" };
  if (label === "c8")
    return {
      nodes: ["user"],
      next: ["agent", "agent"],
      interrupts: [
        { id: "i2", node: "agent", value: node("Which cabin?"), answered: true },
        { id: "i3", node: "agent", value: node(`Any seat preference? ${EVIL}`), answered: true },
      ],
    };
  if (label === "c6")
    return {
      nodes: ["critic"],
      interrupts: [
        { id: "i2", node: "search_fares", value: node("Which cabin?"), answered: false },
        { id: "i3", node: "search_seats", value: node("Any seat preference?"), answered: false },
      ],
      next: ["search_fares", "search_seats"],
    };
  if (label === "c0")
    return { nodes: [], source: "input", step: -1, next: ["__start__"], parent: null, summary: "input" };
  if (label === "c13") return { nodes: ["tools"], next: [], summary: "one message" };
  return {};
}

const OPTIONS: AsNodeOption[] = [
  { node: "__start__", next: ["user"], disabled: null, goto: [] },
  { node: "user", next: ["agent"], disabled: null, goto: [] },
  { node: "agent", next: ["tools"], disabled: null, goto: [] },
  { node: "tools", next: ["agent"], disabled: null, goto: [] },
  { node: "critic", next: [], disabled: null, goto: ["search_fares", "search_seats", "__end__"] },
  { node: "search_fares", next: [], disabled: "its router raised KeyError: 'fares'", goto: [] },
  { node: "search_seats", next: ["user"], disabled: null, goto: [] },
  { node: "__end__", next: [], disabled: null, goto: [] },
];

const FIELDS: ForkField[] = [
  field("plan", null, '"check fare, then ask the user to confirm"', ""),
  field(
    "messages",
    "add_messages",
    JSON.stringify([{ type: "human", content: "Hi!" }]),
    '[{"role": "user", "content": "…"}]',
  ),
  field("reservation", null, JSON.stringify(RESERVATION, null, 2), ""),
  field("prices", "add", "[]", "[1, 2]"),
  { ...field("model", null, "", ""), reason: "its value cannot be decoded" },
];

function field(channel: string, reducer: string | null, current: string, example: string): ForkField {
  return { channel, reducer, current, example, reason: null };
}

function diff(before: string, after: string, internal: boolean): DiffView {
  const last = CHAT.at(-1) as ValueNode;
  const channels: ChannelDiff[] = [
    channelDiff("messages", "one added", "add_messages", "agent · c9", [
      { path: "[8]", kind: "added", before: null, after: last, words: null },
    ]),
    channelDiff("reservation", "set", null, "agent · c9", [
      { path: "cabin", kind: "changed", before: node("economy"), after: node("business"), words: null },
    ]),
    channelDiff("plan", "words changed", null, "agent · c9", [
      {
        path: "",
        kind: "changed",
        before: node("check fare, then ask the user to confirm"),
        after: node("check fare, then upgrade and charge the card"),
        words: [
          ["=", "check fare, then "],
          ["-", "ask the user to confirm"],
          ["+", "upgrade and charge the card"],
        ],
      },
    ]),
    channelDiff("fares", "three changes", null, "search_fares · c7", [
      { path: "[0].price", kind: "changed", before: node(100), after: node(120), words: null },
      {
        path: "[3]",
        kind: "removed",
        before: node({ flight: "HAT3", price: 103 }),
        after: null,
        words: null,
      },
      {
        path: "[9919]",
        kind: "added",
        before: null,
        after: node({ flight: "HAT9919", price: 219, note: EVIL }),
        words: null,
      },
    ]),
  ];
  if (internal)
    channels.push({
      ...channelDiff("branch:to:tools", "added", null, null, [
        { path: "", kind: "added", before: null, after: node(null), words: null },
      ]),
      internal: true,
    });
  return {
    before,
    after,
    channels,
    unchanged: ["model", "policy", "prices", "user"],
    internal: internal ? 0 : 3,
  };
}

function channelDiff(
  channel: string,
  summary: string,
  reducer: string | null,
  who: string | null,
  changes: ChannelDiff["changes"],
): ChannelDiff {
  return { channel, internal: false, summary, reducer, who, changes, more: 0 };
}

const WRITES: TaskWrites[] = [
  {
    node: "agent",
    task_id: "0f3a9c1e-77aa",
    derived: false,
    pending: false,
    writes: [
      { channel: "messages", value: CHAT.at(-1) as ValueNode },
      { channel: "reservation", value: node(RESERVATION) },
      { channel: "branch:to:tools", value: node(null) },
    ],
  },
  {
    node: "user",
    task_id: null,
    derived: true,
    pending: false,
    writes: [{ channel: "plan", value: node("check fare") }],
  },
  {
    node: "search_seats",
    task_id: "77aa0f3a-1111",
    derived: false,
    pending: true,
    writes: [{ channel: "seats", value: node(["2A", "2B"]) }],
  },
];

const TASKS: TaskView[] = [
  {
    id: "9b1d77aa-1",
    name: "tools",
    status: "failed",
    triggers: ["branch:to:tools"],
    interrupts: [],
    error: "ToolError: the fare service did not answer within 5 s",
    traceback: FAILED,
    subgraph: null,
  },
  {
    id: "9b1d77aa-2",
    name: "critic",
    status: "interrupted",
    triggers: ["branch:to:critic", "plan"],
    interrupts: [{ id: "i1", node: "critic", value: node(QUESTION), answered: false }],
    error: null,
    traceback: null,
    subgraph: "c5.1",
  },
  {
    id: "9b1d77aa-3",
    name: "search_seats",
    status: "done",
    triggers: ["branch:to:search_seats"],
    interrupts: [],
    error: null,
    traceback: null,
    subgraph: null,
  },
  {
    id: "9b1d77aa-4",
    name: "search_fares",
    status: "pending",
    triggers: [],
    interrupts: [],
    error: null,
    traceback: null,
    subgraph: null,
  },
];

const RAW = {
  config:
    '{\n  "configurable": {\n    "thread_id": "trip-42",\n    "checkpoint_ns": "",\n    "checkpoint_id": "1ef8b2c4-9a1d-6b0e-8007-000000000000"\n  }\n}',
  metadata: '{\n  "source": "loop",\n  "step": 7,\n  "parents": {},\n  "run_id": "5d1c…"\n}',
  checkpoint:
    '{\n  "v": 4,\n  "ts": "2026-03-02T14:02:31.000000+00:00",\n  "channel_versions": {\n    "messages": "00000009.0.61",\n    "plan": "00000009.0.12"\n  }\n}',
};

type Answers = {
  [M in Method]?: (params: Params<M>, signal?: AbortSignal) => Result<M> | Promise<Result<M>>;
};

const PARENTS: Record<string, string> = { c10: "c9", c12: "c9", c4: "c2", c3: "c2", "c5.1": "c5" };

function labelOf(id: string): string {
  return id.replace(/^id-/, "");
}

function parentOf(id: string): string | null {
  const label = labelOf(id);
  if (label === "c0") return null;
  return `id-${PARENTS[label] ?? `c${Number.parseInt(label.slice(1), 10) - 1}`}`;
}

/** `?graph=…`: a number of nodes, or none. */
function topologyFor(search: string): Topology | null {
  const wanted = new URLSearchParams(search).get("graph");
  if (wanted === null) return TOPOLOGY;
  if (wanted === "small") {
    const kept = new Set(["__start__", "user", "agent", "tools", "critic"]);
    return {
      nodes: TOPOLOGY.nodes.filter((one) => kept.has(one.id)),
      edges: TOPOLOGY.edges.filter((one) => kept.has(one.source) && kept.has(one.target)),
    };
  }
  return wanted === "none" ? null : largeTopology(Number(wanted));
}

let runs = 0;
let stopped = false;

/** Answers what the inspector asks; undefined where another part of the fake answers. */
export function inspectorAnswer(
  method: Method,
  params: unknown,
  fake: FakeSource,
  signal?: AbortSignal,
): unknown {
  if (method === "thread_open") return { topology: topologyFor(location.search) };
  const grow = (from: string, name: string) => fake.extend(from, name);
  const emit = (run: RunView) => fake.emit("run", run);
  const answers: Answers = {
    checkpoint_get({ checkpoint }) {
      const label = labelOf(checkpoint);
      if (label === "c4")
        throw new ProtocolError(
          "not_found",
          "Checkpoint c4 was deleted meanwhile.",
          "Choose another one in the tree.",
        );
      const shown = label === "c0" ? CHANNELS.slice(8, 9) : CHANNELS;
      return {
        id: checkpoint,
        label,
        namespace: "",
        step: 7,
        source: "loop",
        created_at: "2026-03-02T14:02:31+00:00",
        duration: 1_204,
        nodes: ["agent"],
        as_node: null,
        note: null,
        next: ["tools"],
        changed: ["messages", "reservation", "plan"],
        summary: "one message, two values",
        parent: parentOf(checkpoint),
        collapsed: false,
        interrupts: [],
        error: null,
        channels: shown.map(
          ({ name, value, reducer, internal = false }): ChannelView => ({
            name,
            internal,
            changed: ["messages", "reservation", "plan"].includes(name),
            reducer,
            value,
          }),
        ),
        warnings:
          label === "c7"
            ? ["Two channels were written in one step by nodes whose order LangGraph does not keep."]
            : [],
        ...scene(label),
      };
    },
    async value_get({ channel, path, offset, limit }) {
      await pause(120);
      const found = CHANNELS.find((one) => one.name === channel);
      if (channel === "messages") {
        const at = CHAT[path[0] ?? -1];
        if (!at)
          return {
            ...(found as Channel).value,
            items: (found as Channel).value.items?.slice(offset, offset + limit) ?? [],
          };
        const text = path[0] === 0 ? POLICY : (at.message?.text ?? "");
        if (path.length > 1) return { ...node(text), text: text.slice(offset, offset + limit), more: 0 };
        return {
          ...at,
          size: 4,
          items: items({
            content: text.slice(0, 100),
            additional_kwargs: {},
            response_metadata: { model: "scripted" },
            usage_metadata: null,
          }),
          message: { ...(at.message as MessageView), text, more: 0 },
        };
      }
      let value: Json = found?.json ?? null;
      for (const position of path) value = (Object.values(value as object) as Json[])[position] ?? null;
      if (typeof value === "string")
        return { ...node(value), text: value.slice(offset, offset + limit), more: 0 };
      const entries = Object.entries(value as object).slice(offset, offset + limit);
      return { ...node(value, 0), items: entries.map(([key, v]) => ({ key, value: node(v as Json, 1) })) };
    },
    diff_get: ({ before, after, internal }) =>
      diff(labelOf(before ?? parentOf(after) ?? ""), labelOf(after), internal),
    writes_get: () => WRITES,
    tasks_get: ({ checkpoint }) => (labelOf(checkpoint) === "c13" ? [] : TASKS),
    raw_get: () => RAW,
    fork_form: ({ checkpoint }) => ({
      checkpoint,
      label: labelOf(checkpoint),
      fields: FIELDS,
      as_node: OPTIONS,
      inferred: labelOf(checkpoint) === "c7" ? null : "agent",
      siblings: labelOf(checkpoint) === "c6" ? ["search_seats"] : [],
      configurable: '{"user_id": "ada"}',
    }),
    async fork_preview(request, signal) {
      await pause(300, signal);
      refuse(request);
      const option = OPTIONS.find((one) => one.node === (request.as_node ?? "agent")) as AsNodeOption;
      const whole = diff(labelOf(request.checkpoint), "fork", false);
      return {
        diff: { ...whole, channels: whole.channels.filter((one) => one.channel in request.values) },
        next: request.goto ? [request.goto] : option.next,
        as_node: request.as_node,
        warnings:
          option.node === "critic" && !request.goto
            ? ["critic routes by Command(goto=…): without a goto the run ends here."]
            : [],
      };
    },
    async fork_commit(request) {
      await pause(200);
      refuse(request);
      const id = grow(request.checkpoint, "update");
      return { id, label: labelOf(id), next: ["agent"] };
    },
    async run_start({ checkpoint }) {
      runs += 1;
      const run = runs;
      stopped = false;
      let at = checkpoint;
      for (const name of ["agent", "tools", "agent"]) {
        emit({ run, status: "running", nodes: [name], checkpoint: at, error: null });
        await pause(900);
        at = grow(at, name);
        if (stopped) return { run, status: "stopped", nodes: [], checkpoint: at, error: null };
      }
      return { run, status: "done", nodes: [], checkpoint: at, error: null };
    },
    run_stop({ run }) {
      stopped = true;
      const view: RunView = { run, status: "stopping", nodes: ["agent"], checkpoint: null, error: null };
      emit(view);
      return view;
    },
    code_get: ({ act, checkpoint, other }) => ({
      code: {
        select: `import lgviz\n\nlgviz.history(graph, thread_id='trip-42')['${labelOf(checkpoint)}'].values\n`,
        diff: `import lgviz\n\nlgviz.history(graph, thread_id='trip-42').diff('${labelOf(other ?? "")}', '${labelOf(checkpoint)}')\n`,
        fork: `import lgviz\n\nlgviz.fork(\n    graph,\n    '${labelOf(checkpoint)}',\n    {\n        'plan': 'ask first',\n    },\n    as_node='agent',\n    thread_id='trip-42',\n)\n`,
        memory: "graph.store.search((), limit=100)\n",
        run: `import lgviz\n\nlgviz.run(\n    graph,\n    '${labelOf(checkpoint)}',\n    thread_id='trip-42',\n)\n`,
      }[act],
    }),
  };
  return answers[method]?.(params as never, signal);
}

function refuse(request: ForkRequest): void {
  if (request.note === "refuse") {
    throw new ProtocolError(
      "refused",
      "The node 'agent' refused the update: KeyError: 'plan'.",
      "Give plan a value, or choose another node.",
    );
  }
  if (request.values.prices?.text === "{}") {
    throw new ProtocolError(
      "refused",
      "The reducer of 'prices' refused {}: can only add lists.",
      "Append a list.",
    );
  }
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new ProtocolError("cancelled", "Cancelled."));
    });
  });
}

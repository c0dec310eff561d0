// Writes threads by langgraphjs's savers, and beside them as JSON what LangGraph itself answers about them.
//
// `node javascript.mjs threads.db answers.json`, or with a postgresql:// URL in place of the file.
// Runs on every langgraphjs since 0.2.

import { writeFileSync } from "node:fs";
import { Serializable } from "@langchain/core/load/serializable";
import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import * as langgraph from "@langchain/langgraph";

const { Annotation, Command, END, entrypoint, interrupt, MessagesAnnotation, Send, START, StateGraph, task } = langgraph;

const [, , place, beside] = process.argv;

async function saverOf(place) {
  if (place.startsWith("postgres")) {
    const { PostgresSaver } = await import("@langchain/langgraph-checkpoint-postgres");
    const saver = PostgresSaver.fromConnString(place);
    await saver.setup();
    return saver;
  }
  const { SqliteSaver } = await import("@langchain/langgraph-checkpoint-sqlite");
  return SqliteSaver.fromConnString(place);
}

const Log = Annotation.Root({
  log: Annotation({ reducer: (a, b) => a.concat(b), default: () => [] }),
  n: Annotation(),
});

const saying = (name, more = {}) => () => ({ log: [name], ...more });

function looping(checkpointer) {
  return new StateGraph(Log)
    .addNode("a", saying("a"))
    .addNode("b", saying("b"))
    .addNode("c", saying("c"))
    .addEdge(START, "a")
    .addEdge("a", "b")
    .addConditionalEdges("b", (s) => (s.log.length < 4 ? "a" : "c"), ["a", "c"])
    .addEdge("c", END)
    .compile({ checkpointer });
}

function sending(checkpointer) {
  return new StateGraph(Log)
    .addNode("boss", saying("boss"))
    .addNode("work", (s) => ({ log: [`work ${s.n}`] }))
    .addNode("last", saying("last"))
    .addEdge(START, "boss")
    .addConditionalEdges("boss", () => [1, 2, 3].map((n) => new Send("work", { n })), ["work"])
    .addEdge("work", "last")
    .addEdge("last", END)
    .compile({ checkpointer });
}

function waiting(checkpointer) {
  return new StateGraph(Log)
    .addNode("boss", saying("boss"))
    .addNode("work", (s) => ({ log: [`work ${s.n}`] }))
    .addEdge(START, "boss")
    .addConditionalEdges("boss", () => [1, 2].map((n) => new Send("work", { n })), ["work"])
    .addEdge("work", END)
    .compile({ checkpointer, interruptBefore: ["work"] });
}

function asking(checkpointer) {
  return new StateGraph(Log)
    .addNode("other", saying("other"))
    .addNode("ask", () => ({ log: [`ask ${interrupt({ q: "sure?" })}`] }))
    .addNode("then", saying("then"))
    .addEdge(START, "ask")
    .addEdge(START, "other")
    .addEdge("ask", "then")
    .addEdge("then", END)
    .compile({ checkpointer });
}

function failing(checkpointer) {
  return new StateGraph(Log)
    .addNode("plan", saying("plan"))
    .addNode("left", saying("left"))
    .addNode("right", async () => {
      await new Promise((done) => setTimeout(done, 50));
      throw new Error("right is down");
    })
    .addNode("end", saying("end"))
    .addEdge(START, "plan")
    .addEdge("plan", "left")
    .addEdge("plan", "right")
    .addEdge(["left", "right"], "end")
    .compile({ checkpointer });
}

function subgraph(checkpointer) {
  const inner = new StateGraph(Log)
    .addNode("in1", saying("in1"))
    .addNode("in2", saying("in2"))
    .addEdge(START, "in1")
    .addEdge("in1", "in2")
    .compile();
  return new StateGraph(Log)
    .addNode("child", inner)
    .addNode("after", saying("after"))
    .addEdge(START, "child")
    .addEdge("child", "after")
    .compile({ checkpointer });
}

function going(checkpointer) {
  return new StateGraph(Log)
    .addNode("route", () => new Command({ goto: "there", update: { log: ["route"] } }), { ends: ["there"] })
    .addNode("there", saying("there"))
    .addEdge(START, "route")
    .compile({ checkpointer });
}

function chat(checkpointer) {
  return new StateGraph(MessagesAnnotation)
    .addNode("model", (s) => {
      if (s.messages.length > 3) return { messages: [new AIMessage({ id: "ai-2", content: [{ type: "text", text: "Sunny." }] })] };
      return {
        messages: [new AIMessage({
          id: "ai-1", content: "", tool_calls: [{ id: "call-1", name: "weather", args: { city: "Porto" }, type: "tool_call" }],
          usage_metadata: { input_tokens: 3, output_tokens: 4, total_tokens: 7 },
        })],
      };
    })
    .addNode("tools", () => ({ messages: [new ToolMessage({ id: "tool-1", tool_call_id: "call-1", content: "sun", name: "weather" })] }))
    .addEdge(START, "model")
    .addConditionalEdges("model", (s) => (s.messages.at(-1).tool_calls?.length ? "tools" : END), ["tools", END])
    .addEdge("tools", "model")
    .compile({ checkpointer });
}

const Kinds = Annotation.Root({ it: Annotation(), bytes: Annotation() });
function kinds(checkpointer) {
  return new StateGraph(Kinds)
    .addNode("make", () => ({
      it: {
        set: new Set([1, 2]), map: new Map([["k", { deep: [1] }]]), re: /a+b/gi, error: new RangeError("too far"),
        when: new Date(Date.UTC(2025, 0, 2, 3, 4, 5, 6)), none: null, missing: undefined, float: 1.5, big: 2 ** 53, text: "ä😀",
        bytes: new Uint8Array([1, 2, 255]), nan: Number.NaN,
      },
      bytes: new Uint8Array([0, 1, 255]),
    }))
    .addEdge(START, "make")
    .compile({ checkpointer });
}

// Of a package that Python does not know.
class Own extends Serializable {
  lc_namespace = ["own", "things"];
  lc_serializable = true;
}

function foreign(checkpointer) {
  return new StateGraph(Kinds)
    .addNode("make", () => ({ it: new Own({ n: 1 }), bytes: "whole" }))
    .addEdge(START, "make")
    .compile({ checkpointer });
}

function functional(checkpointer) {
  const twice = task("twice", async (n) => 2 * n);
  return entrypoint({ checkpointer, name: "flow" }, async (n) => {
    const ready = await twice(n);
    return [ready, interrupt(`about ${ready}`)];
  });
}

const first = [new SystemMessage({ id: "sys", content: "Be short." }), new HumanMessage({ id: "h1", content: "Weather?" })];
const THREADS = {
  looping: [looping, { log: [] }],
  forked: [looping, { log: [] }],
  sending: [sending, { log: [] }],
  waiting: [waiting, { log: [] }],
  ...(interrupt && { asking: [asking, { log: [] }], answered: [asking, { log: [] }] }),
  failing: [failing, { log: [] }],
  subgraph: [subgraph, { log: [] }],
  ...(Command && { going: [going, { log: [] }] }),
  chat: [chat, { messages: first }],
  kinds: [kinds, { it: null }],
  foreign: [foreign, { it: null }],
  ...(entrypoint && { functional: [functional, 2] }),
};

async function run(graph, given, config, ran) {
  let tasks = {};
  try {
    for await (const event of await graph.stream(given, { ...config, streamMode: "debug" })) {
      const told = event.payload;
      if (event.type === "task") tasks[told.id] = told.name;
      else if (event.type === "checkpoint") {
        if (Object.keys(tasks).length && told.metadata.source === "loop")
          ran[told.config.configurable.checkpoint_id] = Object.values(tasks);
        tasks = {};
      }
    }
  } catch (error) {
    if (!/is down/.test(error.message)) throw error;
  }
}

const saver = await saverOf(place);
const told = { ran: {}, states: {} };
for (const [name, [build, given]] of Object.entries(THREADS)) {
  const graph = build(saver);
  const config = { configurable: { thread_id: name } };
  const ran = (told.ran[name] = {});
  await run(graph, given, config, ran);
  if (name === "answered") await run(graph, new Command({ resume: "yes" }), config, ran);
  if (name === "forked") {
    const states = [];
    for await (const state of graph.getStateHistory(config)) states.push(state);
    const at = states.filter((s) => s.next[0] === "b").at(-1);
    await run(graph, null, await graph.updateState(at.config, { log: ["edit"] }, "a"), ran);
  }
  if (name === "foreign") continue; // it cannot read that itself
  told.states[name] = [];
  for await (const state of graph.getStateHistory(config))
    told.states[name].push({
      id: state.config.configurable.checkpoint_id, values: state.values, next: state.next, metadata: state.metadata,
      tasks: state.tasks.map((t) => [t.name, Boolean(t.error), (t.interrupts ?? []).map((i) => i.value)]),
    });
}
writeFileSync(beside, JSON.stringify(told));
await saver.end?.();

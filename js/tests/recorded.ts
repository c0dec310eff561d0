// Recordings of what the backend answers (js/scripts/record.py), and a source that plays them to a view.
import { EmbeddedSource, type Exchange } from "../src/source/embedded";
import { ProtocolError } from "../src/source/error";
import type { Method, Params, RequestOptions, Result } from "../src/source/types";
import type { Store } from "../src/state/store";
import agent from "./recordings/agent.json";
import approval from "./recordings/approval.json";
import chat from "./recordings/chat.json";
import fan_out from "./recordings/fan_out.json";
import memory from "./recordings/memory.json";
import places from "./recordings/places.json";
import subgraph from "./recordings/subgraph.json";
import trip from "./recordings/trip.json";
import two_nodes from "./recordings/two_nodes.json";

export const RECORDINGS = { agent, approval, chat, fan_out, memory, places, subgraph, trip, two_nodes };
export type Name = keyof typeof RECORDINGS;

/** A recording that notes what it was asked; some answers may be refused, or altered. */
export class Recorded extends EmbeddedSource {
  readonly asked: { method: Method; params: unknown; aborted: () => boolean }[] = [];
  refuse: Partial<Record<Method, ProtocolError>> = {};
  #copies: RequestOptions<"fork_commit">[] | null = null;
  alter: { [M in Method]?: (result: Result<M>) => Result<M> } = {};

  constructor(name: Name, pause = 0) {
    super(RECORDINGS[name], pause);
  }

  override async request<M extends Method>(
    method: M,
    params: Params<M>,
    options: RequestOptions<M> = {},
  ): Promise<Result<M>> {
    this.asked.push({ method, params, aborted: () => options.signal?.aborted ?? false });
    const refused = this.refuse[method];
    if (refused) throw refused;
    if (method === "fork_commit" && this.#copies) {
      this.#copies.push(options as RequestOptions<"fork_commit">);
      return new Promise((_, reject) => {
        options.signal?.addEventListener("abort", () => reject(new ProtocolError("cancelled", "")));
      });
    }
    const result = await super.request(method, params, options);
    return this.alter[method]?.(result) ?? result;
  }

  /** From now on a fork goes on until it is cancelled; what was given with each. */
  copying(): readonly RequestOptions<"fork_commit">[] {
    this.#copies = [];
    return this.#copies;
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever was asked.
  all(method: Method): any[] {
    return this.asked.filter((one) => one.method === method).map((one) => one.params);
  }
}

/** What was recorded of one method, in order. */
export function answers<M extends Method>(name: Name, method: M): Result<M>[] {
  const exchanges: Exchange[] = RECORDINGS[name];
  const said = exchanges.filter((one) => one.ask.method === method).map((one) => one.say.at(-1)?.result);
  return said as Result<M>[];
}

/** The id of a checkpoint of the open thread, by its label. */
export function idOf(store: Store, label: string): string {
  const tree = store.tree.peek();
  return tree.ids[tree.rowOfLabel(label)] ?? `no ${label}`;
}

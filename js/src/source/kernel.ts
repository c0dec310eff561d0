// The kernel as a source: requests and replies as custom messages of an anywidget model.

import { signal } from "@preact/signals";
import { t } from "../lib/words";
import type { Early, Events, Failure, Request, TreeNews } from "../protocol";
import { decodeEarly, decodeNews, decodeResult } from "./columns";
import { ProtocolError } from "./error";
import type {
  EventBody,
  EventName,
  Method,
  Params,
  ProgressOf,
  RequestOptions,
  Result,
  Source,
} from "./types";

/** What of anywidget's model is used here. */
export interface MessageModel {
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: "msg:custom", listener: (message: unknown, buffers: DataView[]) => void): void;
  off(event: "msg:custom", listener: (message: unknown, buffers: DataView[]) => void): void;
}

interface Pending {
  method: Method;
  key: string;
  resolve(value: unknown): void;
  reject(error: ProtocolError): void;
  onProgress?: (progress: never) => void;
  settle(): void;
  /** Restarts the wait for an answer: something was heard. */
  heard(): void;
}

interface Incoming {
  id?: number;
  result?: unknown;
  error?: Failure;
  progress?: unknown;
  event?: EventName;
  body?: unknown;
}

/** Answers are quick or report progress; a run may be silent for as long as its node takes. */
const SILENCE_MS = 20_000;
const PATIENT: ReadonlySet<Method> = new Set([
  "run_start",
  "sandbox_keep",
  "fork_commit",
  "fork_preview",
  "dry_run",
  "fork_form",
  "search",
  "compare_get",
  "branches_get",
  "evaluate",
  "memory_search",
  "memory_put",
  "export_plan",
  "export_write",
  "pin_write",
  "predict_make",
]);

/** What only reads: an answer of before stands in for one that cannot come. */
const READS = /_get$|^memory_(open|list|item|value|versions|diff|changes)$/;
const KEPT_ANSWERS = 200;

/** What is said where no answer comes, by who was asked. */
const SILENT = {
  kernel: () => [
    t("The kernel does not answer."),
    t("Retry, or restart the kernel and run the cell again."),
    t("The kernel is gone: run the cell again to go on."),
    t("This was not loaded: it needs the kernel."),
  ],
  server: () => [
    t("The Jupyter server does not answer."),
    t("Retry, or reload the page."),
    t("The Jupyter server is gone: start it and reload the page."),
    t("This was not loaded: it needs the Jupyter server."),
  ],
} satisfies Record<string, () => [string, string, string, string]>;

export class KernelSource implements Source {
  readonly answers: keyof typeof SILENT;
  readonly exports: boolean;
  readonly lost = signal<string | null>(null);
  readonly #kept = new Map<string, unknown>();
  readonly #learnt = new Map<string, unknown>();
  readonly #model: MessageModel;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Map<EventName, Set<(body: never) => void>>();
  readonly #silence: number;
  // Replies reach every view of the model, also in other browser windows: ids must not collide.
  #id = Math.floor(Math.random() * 2 ** 40);

  constructor(model: MessageModel, silence = SILENCE_MS, answers: keyof typeof SILENT = "kernel") {
    this.#model = model;
    this.answers = answers;
    this.exports = answers === "kernel";
    this.#silence = silence;
    model.on("msg:custom", this.#receive);
  }

  request<M extends Method>(
    method: M,
    params: Params<M>,
    options: RequestOptions<M> = {},
  ): Promise<Result<M>> {
    const { signal, onProgress } = options;
    if (signal?.aborted) return Promise.reject(new ProtocolError("cancelled", t("Cancelled.")));
    const id = ++this.#id;
    const key = keyOf(method, params);
    if (this.lost.peek() !== null) return this.#instead(key, this.#gone());
    return new Promise<Result<M>>((resolve) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const heard = () => {
        clearTimeout(timer);
        if (PATIENT.has(method)) return;
        timer = setTimeout(() => {
          const [cause, remedy] = SILENT[this.answers]();
          this.#pending.get(id)?.reject(new ProtocolError("no_answer", cause, remedy));
        }, this.#silence);
      };
      const abort = () => {
        this.#model.send({ cancel: id });
        this.#pending.get(id)?.reject(new ProtocolError("cancelled", t("Cancelled.")));
      };
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        this.#pending.delete(id);
      };
      this.#pending.set(id, {
        method,
        key,
        resolve: (value) => {
          settle();
          this.#learnt.delete(key);
          this.#keep(method, key, value);
          resolve(value as Result<M>);
        },
        reject: (error) => {
          settle();
          resolve(this.#instead<Result<M>>(key, error));
        },
        ...(onProgress ? { onProgress: onProgress as (progress: ProgressOf<Method>) => void } : {}),
        settle,
        heard,
      });
      signal?.addEventListener("abort", abort, { once: true });
      heard();
      const request: Request = { id, method, params: params as Record<string, unknown> };
      try {
        this.#model.send(request);
      } catch {
        this.lose(SILENT[this.answers]()[2]);
      }
    });
  }

  /** Says why no answer can come any more, to all that wait for one; null: one can again. */
  lose(why: string | null): void {
    this.lost.value = why;
    if (why !== null) for (const pending of [...this.#pending.values()]) pending.reject(this.#gone());
  }

  /** What to do about it is said once, beside all that is shown. */
  #gone(): ProtocolError {
    return new ProtocolError("gone", SILENT[this.answers]()[3]);
  }

  known<M extends Method>(method: M, params: Params<M>): Result<M> | undefined {
    return this.#learnt.get(keyOf(method, params)) as Result<M> | undefined;
  }

  learn<M extends Method>(method: M, params: Params<M>, result: Result<M>): void {
    const key = keyOf(method, params);
    this.#learnt.set(key, result);
    this.#keep(method, key, result);
  }

  #keep(method: Method, key: string, result: unknown): void {
    if (!READS.test(method)) return;
    this.#kept.delete(key);
    this.#kept.set(key, result);
    if (this.#kept.size > KEPT_ANSWERS) this.#kept.delete(this.#kept.keys().next().value as string);
  }

  /** What was answered before, for an answer that does not come. */
  #instead<T>(key: string, error: ProtocolError): Promise<T> {
    const silent = error.code === "gone" || error.code === "no_answer";
    return silent && this.#kept.has(key) ? Promise.resolve(this.#kept.get(key) as T) : Promise.reject(error);
  }

  on<E extends EventName>(event: E, listener: (body: EventBody<E>) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    listeners.add(listener as (body: never) => void);
    return () => listeners.delete(listener as (body: never) => void);
  }

  dispose(): void {
    this.#model.off("msg:custom", this.#receive);
    this.#listeners.clear();
    for (const [id, pending] of [...this.#pending]) {
      // A run goes on without its view; reading for a view that is gone does not.
      if (pending.method !== "run_start" && pending.method !== "fork_commit")
        this.#model.send({ cancel: id });
      pending.reject(new ProtocolError("cancelled", t("Cancelled.")));
    }
  }

  readonly #receive = (message: unknown, buffers: DataView[] = []): void => {
    if (typeof message !== "object" || message === null) return;
    const incoming = message as Incoming;
    if (incoming.event !== undefined) {
      const body =
        incoming.event === "tree"
          ? decodeNews(incoming.body as TreeNews, buffers)
          : incoming.event === "opening"
            ? decodeEarly(incoming.body as Early, buffers)
            : (incoming.body as Events["run"]);
      for (const listener of [...(this.#listeners.get(incoming.event) ?? [])]) listener(body as never);
      return;
    }
    const pending = incoming.id === undefined ? undefined : this.#pending.get(incoming.id);
    if (!pending) return;
    if (incoming.error) pending.reject(ProtocolError.from(incoming.error));
    else if ("progress" in incoming) {
      pending.heard();
      pending.onProgress?.(incoming.progress as never);
    } else {
      try {
        pending.resolve(decodeResult(pending.method, incoming.result, buffers));
      } catch (error) {
        pending.reject(ProtocolError.of(error));
      }
    }
  };
}

/** What is asked, in one text, whatever the order of its parameters and of what they hold. */
export function keyOf(method: string, params: unknown): string {
  return `${method} ${JSON.stringify(params, inOrder)}`;
}

function inOrder(_: string, value: unknown): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

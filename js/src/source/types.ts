// What the views ask for data: one interface over the kernel, a server or a static page.
import type { ReadonlySignal } from "@preact/signals";
import type {
  CheckpointView,
  EvaluateView,
  Events,
  Methods,
  RunView,
  SearchProgress,
  ThreadView,
  TREE_COLUMNS,
  TreeBatch,
  TreeNews,
} from "../protocol";
import type { ARRAYS } from "./columns";

export type Method = keyof Methods;
export type Params<M extends Method> = Methods[M]["params"];

/** The columns of a batch, decoded. */
export type TreeColumns = {
  [Name in keyof typeof TREE_COLUMNS]: InstanceType<(typeof ARRAYS)[(typeof TREE_COLUMNS)[Name]]>;
};

/** A batch with its columns decoded. Indices are rows of the batch. */
export interface TreeRows extends Omit<TreeBatch, "columns">, TreeColumns {}

export interface OpenedThread extends Omit<ThreadView, "tree"> {
  tree: TreeRows;
}

/** The newest rows of a thread, and the checkpoint that is selected in it. */
export interface EarlyThread {
  thread: OpenedThread;
  checkpoint: CheckpointView | null;
}

export interface Refreshed extends Omit<TreeNews, "tree"> {
  tree: TreeRows | null;
}

export interface MediaBytes {
  mime: string;
  data: DataView;
}

/** The result of a method as views see it: as in the protocol, with its buffers in their places. */
export type Result<M extends Method> = M extends "thread_open"
  ? OpenedThread
  : M extends "media_get"
    ? MediaBytes
    : Methods[M]["result"];

export type ProgressOf<M extends Method> = M extends "search"
  ? SearchProgress
  : M extends "run_start" | "thread_start"
    ? RunView
    : M extends "fork_commit" | "export_plan" | "compare_get"
      ? CopyProgress
      : M extends "evaluate"
        ? EvaluateView
        : unknown;

/** Of a thread that is copied or exported its checkpoints, of branches that are compared their steps. */
export interface CopyProgress {
  done: number;
  total: number;
}

export type EventName = keyof Events;
export type EventBody<E extends EventName> = E extends "tree"
  ? Refreshed
  : E extends "opening"
    ? EarlyThread
    : Events[E];

export interface RequestOptions<M extends Method> {
  /** Aborting cancels the request; its promise then rejects with a ProtocolError of code "cancelled". */
  signal?: AbortSignal;
  onProgress?: (progress: ProgressOf<M>) => void;
}

export interface Source {
  request<M extends Method>(method: M, params: Params<M>, options?: RequestOptions<M>): Promise<Result<M>>;
  /** Listens for an unasked event; the returned function stops listening. */
  on<E extends EventName>(event: E, listener: (body: EventBody<E>) => void): () => void;
  /** Whether files can be written beside the notebook. */
  readonly exports?: boolean;
  /** What was learnt of this before it was asked. */
  known?<M extends Method>(method: M, params: Params<M>): Result<M> | undefined;
  /** Takes in an answer that nobody asked for. */
  learn?<M extends Method>(method: M, params: Params<M>, result: Result<M>): void;
  /** Why no answer can come any more, and what to do about it; null while one can. */
  readonly lost?: ReadonlySignal<string | null>;
  /** Who answers; a saved page and a recording answer by themselves. */
  readonly answers?: "kernel" | "server";
  /** Ends everything under way. */
  dispose(): void;
}

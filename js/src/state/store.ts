// What the views share: one thread, one selection, what runs. Python knows the selection, the rest is here.
import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Part } from "../lib/parts";
import { still } from "../lib/still";
import type {
  Breakpoints,
  LineageView,
  LiveView,
  MemoryChanges,
  RunRequest,
  RunView,
  SandboxView,
  StartRequest,
  ThreadSummary,
  Topology,
} from "../protocol";
import { ProtocolError } from "../source/error";
import type { EarlyThread, OpenedThread, Refreshed, Source } from "../source/types";
import type { Live } from "./live";
import { Predicting } from "./predict";
import { TreeModel } from "./tree";

export type Tab = "state" | "diff" | "writes" | "tasks" | "why" | "compare" | "memory" | "raw";
export type Phase = "loading" | "ready" | "empty" | "failed";

/** The traits that a view shares with Python. */
export interface Shared {
  thread_id: string | null;
  selected: string | null;
  compared: string | null;
}

/** Where the shared traits live. */
export interface SharedModel {
  get(name: keyof Shared): string | null;
  set(name: keyof Shared, value: string | null): void;
  /** Listens for a change from outside; the returned function stops listening. */
  on(name: keyof Shared, listener: () => void): () => void;
}

/** A thread's next turn, or a new thread (null: of a free id). */
export interface Starting {
  turn: boolean;
  thread: string | null;
}

const NO_BREAKPOINTS: Breakpoints = { before: [], after: [] };

export class Store {
  readonly source: Source;
  readonly phase = signal<Phase>("loading");
  /** Why the thread could not be opened. */
  readonly failure = signal<ProtocolError | null>(null);
  /** A failed act, said until dismissed. */
  readonly notice = signal<ProtocolError | null>(null);
  /** The kernel stopped answering. */
  readonly gone = signal(false);
  /** Why it cannot answer any more, and what to do about it; null while it can. */
  readonly lost: ReadonlySignal<string | null>;
  /** What is shown came with the widget, before the kernel was asked. */
  readonly early = signal(false);

  readonly thread = signal<ThreadSummary | null>(null);
  readonly description = signal("");
  readonly topology = signal<Topology | null>(null);
  /** By path (`research|judge`) the graphs inside it. */
  readonly subgraphs = signal<Readonly<Record<string, Topology>>>({});
  /** Its values come from a database that was named alone: nothing of them is drawn but text. */
  readonly untrusted = signal(true);
  /** Why nothing can be forked or run here; null where it can. */
  readonly readOnly: ReadonlySignal<string | null>;
  /** A LangGraph server forks and runs the open thread. */
  readonly onServer = signal(false);
  /** The sandbox that is open, on this thread or another. */
  readonly sandbox = signal<SandboxView | null>(null);
  /** Where runs of the open thread stop: before and after which nodes. */
  readonly breakpoints = signal<Breakpoints>(NO_BREAKPOINTS);
  /** The checkpoints that coding agents look at, by id. */
  readonly agents = signal<readonly string[]>([]);
  /** The rows; mutable, so read `revision` to hear of a change. */
  readonly tree = signal(new TreeModel());
  /** Counts changes of the tree: appended rows and patches. */
  readonly revision = signal(0);

  /** Checkpoint ids. */
  readonly selected = signal<string | null>(null);
  readonly compared = signal<string | null>(null);
  /** The ends of the two branches that are compared, the older first. They stay while one walks along them. */
  readonly ends = signal<readonly [left: string, right: string] | null>(null);
  readonly tab = signal<Tab>("state");
  readonly panel = signal<"fork" | "start" | null>(null);
  /** What the form of a start begins. */
  readonly starting = signal<Starting>({ turn: false, thread: null });
  /** The part of a value that was asked for last, to edit it in a fork. */
  readonly editing = signal<(Part & { checkpoint: string }) | null>(null);
  readonly graphShown = signal(false);
  /** What was asked the same before is answered from history, in runs begun here. */
  readonly reuse = signal(true);

  /** What a person predicts before an act. */
  readonly predicting: Predicting;

  /** Runs started by any view, by their number. */
  readonly runs = signal<ReadonlyMap<number, RunView>>(new Map());
  /** What the tasks of the runs at work say, by the run's number. */
  readonly live = signal<ReadonlyMap<number, Live>>(new Map());
  /** The run at work, if any. */
  readonly running: ReadonlySignal<RunView | null>;
  /** The row of the selection; -1 where there is none. */
  readonly selectedRow: ReadonlySignal<number>;
  readonly comparedRow: ReadonlySignal<number>;

  /** The thread asked for last; null: whichever the source names. */
  wanted: string | null = null;

  /** Where the thread came from, and which left it. */
  readonly lineage = signal<LineageView>({ origin: null, forks: [] });

  readonly #readOnly = signal<string | null>(null);
  readonly #shared: SharedModel | undefined;
  readonly #stops: (() => void)[] = [];
  #opening: AbortController | null = null;
  #refreshing: Promise<void> | null = null;

  constructor(source: Source, shared?: SharedModel) {
    this.source = source;
    this.#shared = shared;
    this.predicting = new Predicting(source);
    this.lost = source.lost ?? signal(null);
    this.readOnly = computed(() => this.lost.value ?? this.#readOnly.value);
    this.running = computed(() => {
      let last: RunView | null = null;
      for (const run of this.runs.value.values()) if (isActive(run)) last = run;
      return this.lost.value === null ? last : null;
    });
    this.selectedRow = this.#row(this.selected);
    this.comparedRow = this.#row(this.compared);
    this.#stops.push(
      source.on("opening", (early) => this.showEarly(early)),
      source.on("tree", (body) => this.#take(body)),
      source.on("run", (run) => this.#setRun(run)),
      source.on("live", (view) => this.#setLive(view)),
      source.on("breakpoints", ({ thread_id, breakpoints }) => {
        if (thread_id === this.thread.peek()?.thread_id) this.breakpoints.value = breakpoints;
      }),
      source.on("agents", ({ thread_id, checkpoints }) => {
        if (thread_id === this.thread.peek()?.thread_id) this.agents.value = checkpoints;
      }),
      source.on("sandbox", ({ sandbox }) => this.#setSandbox(sandbox)),
    );
    this.#stops.push(
      effect(() => {
        const [one, other] = [this.selected.value, this.compared.value];
        if (one !== null && other !== null) this.ends.value = this.#olderFirst(one, other);
      }),
    );
    if (shared) this.#follow(shared);
  }

  dispose(): void {
    this.#opening?.abort();
    for (const stop of this.#stops) stop();
    this.source.dispose();
  }

  /** Opens a thread (null: the one the source names, else its newest); `instead` is selected where the
   * selection is gone. */
  async openThread(threadId: string | null, instead: string | null = null): Promise<void> {
    this.#opening?.abort();
    this.wanted = threadId;
    const opening = new AbortController();
    this.#opening = opening;
    batch(() => {
      this.phase.value = "loading";
      this.failure.value = null;
      this.gone.value = false;
    });
    try {
      const opened = await this.source.request(
        "thread_open",
        { thread_id: threadId },
        { signal: opening.signal },
      );
      this.#show(opened, instead);
      this.#push();
    } catch (error) {
      const failure = ProtocolError.of(error);
      if (failure.code === "cancelled") return;
      batch(() => {
        this.gone.value = failure.code === "no_answer";
        const shown = this.thread.peek()?.thread_id;
        if (silent(failure) && shown !== undefined) {
          // What is shown stays readable.
          this.phase.value = "ready";
          if (threadId !== null && threadId !== shown) this.notice.value = failure;
          this.wanted = shown;
          return;
        }
        this.failure.value = failure;
        this.phase.value = failure.code === "empty" ? "empty" : "failed";
      });
    } finally {
      if (this.#opening === opening) this.#opening = null;
    }
  }

  /** Shows what came before the kernel was asked, until it answers. */
  showEarly({ thread: opened, checkpoint }: EarlyThread): void {
    if (this.thread.peek() !== null && !this.early.peek()) return;
    if (checkpoint) this.source.learn?.("checkpoint_get", { checkpoint: checkpoint.id }, checkpoint);
    batch(() => {
      const { phase } = this;
      const at = phase.peek();
      this.#show(opened);
      this.early.value = true;
      phase.value = at;
    });
  }

  #show(opened: OpenedThread, instead: string | null = null): void {
    const tree = new TreeModel();
    tree.append(opened.tree);
    const same = this.thread.peek()?.thread_id === opened.thread.thread_id;
    batch(() => {
      this.early.value = false;
      this.thread.value = opened.thread;
      this.description.value = opened.source;
      this.topology.value = opened.topology;
      this.subgraphs.value = opened.subgraphs ?? {};
      this.lineage.value = opened.lineage;
      this.#readOnly.value = opened.read_only;
      this.onServer.value = opened.on_server ?? false;
      this.untrusted.value = opened.untrusted;
      this.sandbox.value = opened.sandbox;
      this.breakpoints.value = opened.breakpoints;
      this.agents.value = opened.agents ?? [];
      this.tree.value = tree;
      this.revision.value++;
      if (!same) {
        this.panel.value = null;
        this.predicting.dismiss();
      }
      const keep = (id: string | null) => (tree.rowOf(id) >= 0 ? id : null);
      const wanted = keep(this.#resolve(this.#shared?.get("selected") ?? null));
      this.selected.value =
        (same ? keep(this.selected.value) : null) ??
        keep(instead) ??
        wanted ??
        keep(opened.selected) ??
        newest(tree);
      this.compared.value = keep(this.#resolve(this.#shared?.get("compared") ?? this.compared.value));
      if (!this.ends.value?.every(keep)) this.#endComparison();
      this.phase.value = tree.length > 0 ? "ready" : "empty";
    });
  }

  /** Asks for what is new in the thread. Never two at once. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /** Selects a checkpoint; a comparison goes on only where its other side is named. */
  select(id: string | null, compared: string | null = null): void {
    batch(() => {
      this.selected.value = id;
      this.compared.value = compared === id ? null : compared;
    });
    this.#push();
  }

  /** Compares with a second checkpoint, or with none. */
  compare(id: string | null): void {
    batch(() => {
      this.compared.value = id === this.selected.peek() || id === this.compared.peek() ? null : id;
      if (this.compared.value === null) this.#endComparison();
      else if (this.tab.value !== "compare") this.tab.value = "diff";
    });
    this.#push();
  }

  /** What is compared, or the selection and its parent (null: none), older first whichever was chosen first. */
  pair(selected: string, parent: string | null): [before: string | null, after: string] {
    const other = this.compared.value;
    return other === null ? [parent, selected] : this.#olderFirst(selected, other);
  }

  #olderFirst(one: string, other: string): [string, string] {
    const tree = this.tree.value;
    return tree.rowOf(one) < tree.rowOf(other) ? [one, other] : [other, one];
  }

  #endComparison(): void {
    this.ends.value = null;
    if (this.tab.value === "compare") this.tab.value = "diff";
  }

  /** Opens the form of a fork, to edit a part of a value where one is named. */
  openFork(part: Part | null = null): void {
    if (still.peek()) return;
    const reason = this.readOnly.peek();
    const checkpoint = this.selected.peek();
    if (this.lost.peek() !== null) return;
    if (reason) this.report(new ProtocolError("refused", reason));
    else if (checkpoint !== null)
      batch(() => {
        this.editing.value = part && { ...part, checkpoint };
        this.panel.value = "fork";
      });
  }

  closeFork(): void {
    this.panel.value = null;
  }

  /** Opens the form that starts: the next turn of the open thread, or a new thread. */
  openStart(starting: Starting): void {
    const reason = this.readOnly.peek();
    if (this.lost.peek() !== null) return;
    if (reason) this.report(new ProtocolError("refused", reason));
    else
      batch(() => {
        this.starting.value = starting;
        this.panel.value = "start";
      });
  }

  /** Starts, and tells of the run at its checkpoints; what is refused is thrown. */
  async start(request: StartRequest, told: (run: RunView) => void): Promise<RunView> {
    const tell = (run: RunView) => {
      this.#setRun(run);
      told(run);
    };
    const run = await this.source.request("thread_start", request, { onProgress: tell });
    tell(run);
    await this.refresh();
    return run;
  }

  /** Runs on from the selected checkpoint: what its `next` says. */
  async runHere(): Promise<RunView | null> {
    const checkpoint = this.selected.peek();
    if (checkpoint === null) return null;
    return this.run({ checkpoint, resume: null, until: null, configurable: null, sandbox: false });
  }

  /** Runs on and selects the last checkpoint made; null where it failed to start (then it is reported). */
  async run(request: RunRequest): Promise<RunView | null> {
    const before = this.selected.peek();
    try {
      const run = await this.source.request("run_start", request, {
        onProgress: (progress) => this.#setRun(progress),
      });
      this.#setRun(run);
      await this.refresh();
      // Someone who went elsewhere meanwhile stays there.
      if (run.checkpoint !== null && this.selected.peek() === before) this.select(run.checkpoint);
      return run;
    } catch (error) {
      this.report(error);
      return null;
    }
  }

  /** Stops a run, the one at work if none is named; `now` cancels its nodes. */
  async stop(run: number | null = this.running.peek()?.run ?? null, now = false): Promise<void> {
    if (run === null) return;
    try {
      this.#setRun(await this.source.request("run_stop", now ? { run, now } : { run }));
    } catch (error) {
      this.report(error);
    }
  }

  /** Sets a breakpoint before or after a node, or takes it away. */
  async toggleBreakpoint(node: string, when: keyof Breakpoints): Promise<void> {
    const thread = this.thread.peek();
    if (!thread) return;
    const now = this.breakpoints.peek();
    const has = now[when].includes(node);
    const breakpoints = {
      ...now,
      [when]: has ? now[when].filter((one) => one !== node) : [...now[when], node],
    };
    this.breakpoints.value = breakpoints;
    try {
      await this.source.request("breakpoints_set", { thread_id: thread.thread_id, breakpoints });
    } catch (error) {
      this.breakpoints.value = now;
      this.report(error);
    }
  }

  /** Stores what the sandbox holds; the memories that were changed meanwhile, where that kept it from it. */
  async keepSandbox(overwrite: boolean): Promise<MemoryChanges | null> {
    try {
      const { conflicts } = await this.source.request("sandbox_keep", { overwrite });
      return conflicts.total > 0 ? conflicts : null;
    } catch (error) {
      this.report(error);
      return null;
    }
  }

  async discardSandbox(): Promise<void> {
    try {
      await this.source.request("sandbox_discard", {});
    } catch (error) {
      this.report(error);
    }
  }

  /** Says a failure to the person; a cancelled request is none, and that the kernel is gone is said already. */
  report(error: unknown): void {
    const failure = ProtocolError.of(error);
    if (failure.code !== "cancelled" && failure.code !== "gone") this.notice.value = failure;
  }

  #row(id: Signal<string | null>): ReadonlySignal<number> {
    return computed(() => {
      this.revision.value;
      return this.tree.value.rowOf(id.value);
    });
  }

  #setRun(run: RunView): void {
    // Runs are numbered; an answer that comes after a later word of the same run changes nothing back.
    const known = this.runs.peek().get(run.run);
    if (known && !isActive(known) && isActive(run)) return;
    batch(() => {
      this.runs.value = new Map(this.runs.peek()).set(run.run, run);
      if (!isActive(run)) this.live.value = without(this.live.peek(), run.run);
    });
  }

  #setLive(view: LiveView): void {
    const run = this.runs.peek().get(view.run);
    if (run && !isActive(run)) return;
    this.live.value = new Map(this.live.peek()).set(view.run, { view, at: performance.now() });
  }

  #setSandbox(sandbox: SandboxView | null): void {
    const ended = sandbox === null ? this.sandbox.peek() : null;
    this.sandbox.value = sandbox;
    const thread = this.thread.peek();
    if (!ended || thread?.thread_id !== ended.thread_id) return;
    // Its rows got other labels, or are gone: the rows are read anew, and where it began is looked at.
    void this.openThread(thread.thread_id, ended.start);
  }

  async #refresh(): Promise<void> {
    if (this.lost.peek() !== null) return;
    if (this.phase.peek() !== "ready" && this.phase.peek() !== "empty") return;
    if (this.early.peek()) return this.openThread(this.wanted);
    if (this.thread.peek() === null) return this.#lookAgain();
    const tree = this.tree.peek();
    try {
      // What is new in the tree comes before the answer, as an event.
      const thread = await this.source.request("thread_refresh", {});
      this.gone.value = false;
      if (tree === this.tree.peek()) this.#take({ thread, tree: null, patches: [] });
    } catch (error) {
      const failure = ProtocolError.of(error);
      if (failure.code === "no_answer") this.gone.value = true;
      else this.report(failure);
    }
  }

  /** Opens the newest thread, if there is one by now. */
  async #lookAgain(): Promise<void> {
    try {
      this.#show(await this.source.request("thread_open", { thread_id: this.wanted }));
      this.#push();
    } catch (error) {
      if (ProtocolError.of(error).code !== "empty") this.report(error);
    }
  }

  #take(body: Refreshed): void {
    if (body.thread.thread_id !== this.thread.peek()?.thread_id) return;
    const tree = this.tree.peek();
    const complete = body.tree === null || tree.append(body.tree);
    if (!complete) {
      // Rows were sent that this view never saw.
      void this.openThread(body.thread.thread_id);
      return;
    }
    for (const patch of body.patches) tree.patch(patch);
    batch(() => {
      if (JSON.stringify(body.thread) !== JSON.stringify(this.thread.peek())) this.thread.value = body.thread;
      if (body.tree !== null || body.patches.length > 0) this.revision.value++;
      if (this.phase.peek() === "empty" && tree.length > 0) {
        this.phase.value = "ready";
        this.selected.value ??= newest(tree);
      }
    });
  }

  #follow(shared: SharedModel): void {
    const follow = (name: "selected" | "compared") => {
      const value = this.#resolve(shared.get(name));
      if (value !== this[name].peek()) this[name].value = value;
    };
    this.#stops.push(
      shared.on("selected", () => follow("selected")),
      shared.on("compared", () => follow("compared")),
      shared.on("thread_id", () => {
        const id = shared.get("thread_id");
        if (id !== null && id !== this.thread.peek()?.thread_id && !this.#opening) void this.openThread(id);
      }),
    );
  }

  /** A checkpoint named by its label becomes its id. */
  #resolve(name: string | null): string | null {
    if (name === null) return null;
    const tree = this.tree.peek();
    const row = tree.rowOf(name) >= 0 ? -1 : tree.rowOfLabel(name);
    return row >= 0 ? (tree.ids[row] as string) : name;
  }

  #push(): void {
    const shared = this.#shared;
    if (!shared) return;
    const values: Shared = {
      thread_id: this.thread.peek()?.thread_id ?? null,
      selected: this.selected.peek(),
      compared: this.compared.peek(),
    };
    for (const name of ["thread_id", "selected", "compared"] as const) {
      if (shared.get(name) !== values[name]) shared.set(name, values[name]);
    }
  }
}

/** Whether nobody answered. */
function silent(failure: ProtocolError): boolean {
  return failure.code === "no_answer" || failure.code === "gone";
}

function without(all: ReadonlyMap<number, Live>, run: number): ReadonlyMap<number, Live> {
  if (!all.has(run)) return all;
  const rest = new Map(all);
  rest.delete(run);
  return rest;
}

export function isActive(run: RunView): boolean {
  return run.status === "running" || run.status === "stopping";
}

function newest(tree: TreeModel): string | null {
  for (let row = tree.length - 1; row >= 0; row--) if (tree.depth[row] === 0) return tree.ids[row] as string;
  return null;
}

/** The label of a checkpoint; its id where the tree does not know it. */
export function labelOf(store: Store, id: string): string {
  return knownLabel(store, id) ?? id;
}

/** The label of a checkpoint of the open thread. */
export function knownLabel(store: Store, id: string): string | undefined {
  const tree = store.tree.value;
  return tree.labels[tree.rowOf(id)];
}

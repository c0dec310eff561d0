// What the kernel of a notebook tells: which graphs and savers its variables hold; and the protocol about one of them.
//
// lgviz/beside.py is the other end. A restart is followed: what the new kernel holds under a name takes the place of the old.
import type { ISessionContext } from "@jupyterlab/apputils";
import type { Kernel } from "@jupyterlab/services";
import type { JSONObject } from "@lumino/coreutils";
import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { t } from "../lib/words";
import { PROTOCOL_VERSION } from "../protocol";
import type { MessageModel } from "../source/kernel";

const TARGET = "lgviz";
const SERVE = "__import__('lgviz.beside', fromlist=['serve']).serve()";

export interface Variable {
  name: string;
  kind: "graph" | "saver";
  type: string;
  /** Another once the name holds another object. */
  key: number;
  /** The same for all that share a saver, and so its threads. */
  saver: number;
}

export type KernelState =
  | { is: "none" }
  | { is: "waiting" }
  | { is: "refused"; cause: string; remedy: string }
  | { is: "ready"; variables: readonly Variable[] };

interface Told {
  version?: string;
  protocol?: number;
  variables?: Variable[];
  refused?: { cause: string; remedy: string };
  event?: string;
}

/** The kernel of one notebook, whichever it is just now. */
export class KernelLink {
  readonly state = signal<KernelState>({ is: "none" });
  /** Counts what debuggers of this kernel hear of new checkpoints. */
  readonly news = signal(0);
  readonly #session: ISessionContext;
  #comm: Kernel.IComm | null = null;
  /** Counts the kernels: what an earlier one answers late is not listened to. */
  #era = 0;

  constructor(session: ISessionContext) {
    this.#session = session;
    session.kernelChanged.connect(this.#begin, this);
    session.statusChanged.connect(this.#onStatus, this);
    session.disposed.connect(this.dispose, this);
    this.#begin();
  }

  get kernel(): Kernel.IKernelConnection | null {
    return this.#session.session?.kernel ?? null;
  }

  dispose(): void {
    this.#era++;
    this.#session.kernelChanged.disconnect(this.#begin, this);
    this.#session.statusChanged.disconnect(this.#onStatus, this);
    if (this.#comm && !this.#comm.isDisposed) this.#comm.close();
    this.state.value = { is: "none" };
  }

  #onStatus(_: unknown, status: Kernel.Status): void {
    if (status === "restarting" || status === "autorestarting") this.#begin();
    else if (status === "dead" || status === "terminating") {
      this.#era++;
      this.state.value = { is: "none" };
    }
  }

  /** Greets the kernel; it may be starting, or at work, and answers when it can. */
  #begin(): void {
    const era = ++this.#era;
    const { kernel } = this;
    this.#comm = null;
    this.state.value = kernel ? { is: "waiting" } : { is: "none" };
    if (kernel) void this.#greet(kernel, () => era === this.#era);
  }

  async #greet(kernel: Kernel.IKernelConnection, isNow: () => boolean): Promise<void> {
    try {
      const { language_info } = await kernel.info;
      if (!isNow()) return;
      if (language_info.name !== "python") {
        this.#refuse(
          t("This kernel does not run Python."),
          t("Graphs of LangGraph are looked for in Python's kernels."),
        );
        return;
      }
      const content = { code: SERVE, silent: true, store_history: false, allow_stdin: false };
      const { content: reply } = await kernel.requestExecute(content).done;
      if (!isNow()) return;
      if (reply.status === "error") return this.#refuse(...absent(reply.ename, reply.evalue));
      const comm = kernel.createComm(TARGET);
      this.#comm = comm;
      comm.onMsg = ({ content }) => {
        if (isNow()) this.#hear(content.data as Told);
      };
      await threadOf(kernel, comm);
      if (isNow()) comm.open({ protocol: PROTOCOL_VERSION });
    } catch {
      // The kernel went meanwhile: its status tells.
    }
  }

  #hear({ version, protocol, variables }: Told): void {
    if (protocol !== undefined && protocol !== PROTOCOL_VERSION)
      this.#refuse(...disagreement(version ?? "", protocol));
    else if (variables) this.state.value = { is: "ready", variables };
  }

  #refuse(cause: string, remedy: string): void {
    this.state.value = { is: "refused", cause, remedy };
  }
}

/** Waits for the thread of the kernel that the comm is served on, so that a cell at work delays nothing. */
async function threadOf(kernel: Kernel.IKernelConnection, comm: Kernel.IComm): Promise<void> {
  if (!kernel.supportsSubshells || String(comm.commsOverSubshells) === "disabled") return;
  await (comm as { subshellStarted?: Promise<void> }).subshellStarted?.catch(() => {});
}

function absent(name: string, said: string): [string, string] {
  if (name !== "ModuleNotFoundError")
    return [t("The kernel's lgviz does not answer: {error}", { error: `${name}: ${said}` }), ""];
  if (said.includes("lgviz."))
    return [
      t("The kernel's lgviz is older than JupyterLab's."),
      t("Run %pip install -U lgviz and restart the kernel."),
    ];
  if (said.includes("lgviz"))
    return [t("The kernel has no lgviz."), t("Run %pip install lgviz in the notebook.")];
  return [said, t("Run %pip install lgviz in the notebook.")];
}

function disagreement(version: string, protocol: number): [string, string] {
  return protocol < PROTOCOL_VERSION
    ? [
        t("The kernel's lgviz ({version}) is older than JupyterLab's.", { version }),
        t("Run %pip install -U lgviz and restart the kernel."),
      ]
    : [
        t("The kernel's lgviz ({version}) is newer than JupyterLab's.", { version }),
        t("Upgrade lgviz in JupyterLab's environment and reload the page."),
      ];
}

/** The protocol about the object that a name holds, in whichever kernel holds it. */
export class VariableChannel implements MessageModel {
  /** Why nobody answers; null: somebody does. */
  readonly lost: ReadonlySignal<string | null>;
  readonly #lost = signal<string | null>(null);
  readonly #listeners = new Set<(message: unknown, buffers: DataView[]) => void>();
  readonly #end: () => void;
  #comm: Kernel.IComm | null = null;
  #key: string | null = null;
  /** What is asked before the kernel has greeted: what is sent before it knows of the comm, it loses. */
  #waiting: unknown[] | null = null;

  /** `marked`: whether to be told where a coding agent looks. */
  constructor(link: KernelLink, name: string, marked: ReadonlySignal<boolean> | null = null) {
    this.lost = this.#lost;
    this.#end = effect(() => {
      const state = link.state.value;
      const found = state.is === "ready" ? state.variables.find((each) => each.name === name) : undefined;
      const agent = marked?.value ?? false;
      const key = found ? `${found.key} ${agent}` : null;
      if (key !== null && key === this.#key) return;
      this.#drop();
      if (found && link.kernel) this.#connect(link, link.kernel, name, agent);
      else this.#lost.value = why(state, name);
      this.#key = key;
    });
  }

  on(_event: "msg:custom", listener: (message: unknown, buffers: DataView[]) => void): void {
    this.#listeners.add(listener);
  }

  off(_event: "msg:custom", listener: (message: unknown, buffers: DataView[]) => void): void {
    this.#listeners.delete(listener);
  }

  send(content: unknown): void {
    if (this.#waiting) this.#waiting.push(content);
    else if (this.#comm && !this.#comm.isDisposed) this.#comm.send(content as JSONObject);
    else if (!("cancel" in (content as object))) throw new Error("gone");
  }

  close(): void {
    this.#end();
    this.#drop();
  }

  #connect(link: KernelLink, kernel: Kernel.IKernelConnection, name: string, agent: boolean): void {
    const comm = kernel.createComm(TARGET);
    this.#comm = comm;
    this.#waiting = [];
    comm.onMsg = ({ content, buffers }) => {
      if (comm !== this.#comm) return;
      const { refused, version, event } = content.data as Told;
      if (refused) this.#lost.value = `${refused.cause} ${refused.remedy}`;
      if (version !== undefined) this.#greeted();
      if (event === "tree") link.news.value++;
      for (const listener of [...this.#listeners]) listener(content.data, (buffers ?? []).map(viewOf));
    };
    void threadOf(kernel, comm).then(() => {
      if (comm === this.#comm && !comm.isDisposed) comm.open({ protocol: PROTOCOL_VERSION, name, agent });
    });
    this.#lost.value = null;
  }

  #greeted(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const content of waiting) this.send(content);
  }

  #drop(): void {
    const comm = this.#comm;
    this.#comm = null;
    this.#waiting = null;
    if (comm && !comm.isDisposed) comm.close();
  }
}

function viewOf(buffer: ArrayBuffer | ArrayBufferView): DataView {
  return buffer instanceof ArrayBuffer
    ? new DataView(buffer)
    : new DataView(buffer.buffer as ArrayBuffer, buffer.byteOffset, buffer.byteLength);
}

function why(state: KernelState, name: string): string {
  switch (state.is) {
    case "none":
      return t("The notebook has no kernel: it goes on once one runs and {name} is made.", { name });
    case "waiting":
      return t("The kernel starts or is at work: it goes on once {name} is made.", { name });
    case "refused":
      return `${state.cause} ${state.remedy}`;
    case "ready":
      return t("The kernel has no {name}: run the cell that makes it.", { name });
  }
}

import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { KernelLink, VariableChannel } from "../src/lab/kernel";
import { speak } from "../src/lab/words";
import { language, speakAs } from "../src/lib/words";
import { PROTOCOL_VERSION } from "../src/protocol";
import { KernelSource } from "../src/source/kernel";

class Signal<T> {
  #slots: [(sender: unknown, args: T) => void, unknown][] = [];
  connect(slot: (sender: unknown, args: T) => void, self?: unknown): void {
    this.#slots.push([slot, self]);
  }
  disconnect(slot: (sender: unknown, args: T) => void): void {
    this.#slots = this.#slots.filter(([other]) => other !== slot);
  }
  emit(args: T): void {
    for (const [slot, self] of [...this.#slots]) slot.call(self, null, args);
  }
}

class Comm {
  isDisposed = false;
  data: unknown;
  readonly sent: unknown[] = [];
  onMsg = (_message: unknown) => {};
  open(data: unknown): void {
    this.data = data;
  }
  send(content: unknown): void {
    this.sent.push(content);
  }
  close(): void {
    this.isDisposed = true;
  }
  say(data: unknown, buffers: unknown[] = []): void {
    this.onMsg({ content: { data }, buffers });
  }
}

class Kernel {
  info = Promise.resolve({ language_info: { name: "python" } });
  supportsSubshells = false;
  readonly comms: Comm[] = [];
  readonly ran: { code: string; silent: boolean }[] = [];
  reply: unknown = { status: "ok" };
  requestExecute(content: { code: string; silent: boolean }): unknown {
    this.ran.push(content);
    return { done: Promise.resolve({ content: this.reply }) };
  }
  createComm(): Comm {
    this.comms.push(new Comm());
    return this.comms.at(-1) as Comm;
  }
}

class Session {
  kernelChanged = new Signal<unknown>();
  statusChanged = new Signal<string>();
  disposed = new Signal<unknown>();
  session: { kernel: Kernel } | null;
  constructor(kernel: Kernel | null) {
    this.session = kernel && { kernel };
  }
}

const HELLO = { version: "1.0", protocol: PROTOCOL_VERSION };
const GRAPH = { name: "graph", kind: "graph", type: "CompiledStateGraph", key: 7 };

let kernel: Kernel;
let session: Session;
const settled = () => vi.advanceTimersByTimeAsync(0);
const linked = async () => {
  const link = new KernelLink(session as never);
  await settled();
  return link;
};

beforeEach(() => {
  vi.useFakeTimers();
  kernel = new Kernel();
  session = new Session(kernel);
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the kernel of a notebook", () => {
  test("is greeted silently, and tells what its variables hold", async () => {
    const link = await linked();
    expect(kernel.ran).toMatchObject([{ silent: true, store_history: false }]);
    expect(kernel.comms[0]?.data).toEqual({ protocol: PROTOCOL_VERSION });
    expect(link.state.value).toEqual({ is: "waiting" });
    kernel.comms[0]?.say({ variables: [GRAPH] });
    kernel.comms[0]?.say(HELLO);
    expect(link.state.value).toEqual({ is: "ready", variables: [GRAPH] });
    link.dispose();
    expect(kernel.comms[0]?.isDisposed).toBe(true);
  });

  test.each([
    ["No module named 'lgviz'", "The kernel has no lgviz.", "Run %pip install lgviz in the notebook."],
    [
      "No module named 'lgviz.beside'",
      "The kernel's lgviz is older than JupyterLab's.",
      "Run %pip install -U lgviz and restart the kernel.",
    ],
  ])("%s", async (evalue, cause, remedy) => {
    kernel.reply = { status: "error", ename: "ModuleNotFoundError", evalue };
    expect((await linked()).state.value).toEqual({ is: "refused", cause, remedy });
  });

  test.each([
    [
      -1,
      "The kernel's lgviz (0.9) is older than JupyterLab's.",
      "Run %pip install -U lgviz and restart the kernel.",
    ],
    [
      1,
      "The kernel's lgviz (0.9) is newer than JupyterLab's.",
      "Upgrade lgviz in JupyterLab's environment and reload the page.",
    ],
  ])("of a protocol of another version (%i) says which side to upgrade", async (by, cause, remedy) => {
    const link = await linked();
    kernel.comms[0]?.say({ version: "0.9", protocol: PROTOCOL_VERSION + by });
    expect(link.state.value).toEqual({ is: "refused", cause, remedy });
  });

  test("of another language is not asked", async () => {
    kernel.info = Promise.resolve({ language_info: { name: "R" } });
    expect((await linked()).state.value).toMatchObject({ cause: "This kernel does not run Python." });
    expect(kernel.ran).toEqual([]);
  });

  test("that restarts is greeted anew, and what the old one says late is not heard", async () => {
    const link = await linked();
    const [old] = kernel.comms;
    session.statusChanged.emit("restarting");
    expect(link.state.value).toEqual({ is: "waiting" });
    await settled();
    old?.say({ variables: [GRAPH] });
    expect(link.state.value).toEqual({ is: "waiting" });
    kernel.comms[1]?.say({ variables: [] });
    expect(link.state.value).toEqual({ is: "ready", variables: [] });
    session.statusChanged.emit("dead");
    expect(link.state.value).toEqual({ is: "none" });
  });
});

describe("a variable of the kernel", () => {
  test("is asked once the kernel has greeted, and anew when the name holds another object", async () => {
    const link = await linked();
    const channel = new VariableChannel(link, "graph");
    const source = new KernelSource(channel);
    expect(channel.lost.value).toBe("The kernel starts or is at work: it goes on once graph is made.");
    kernel.comms[0]?.say({ variables: [] });
    expect(channel.lost.value).toBe("The kernel has no graph: run the cell that makes it.");
    kernel.comms[0]?.say({ variables: [GRAPH] });
    await settled();
    expect(channel.lost.value).toBe(null);
    const comm = kernel.comms[1] as Comm;
    expect(comm.data).toEqual({ protocol: PROTOCOL_VERSION, name: "graph", agent: false });
    const answer = source.request("raw_get", { checkpoint: "a" });
    expect(comm.sent).toEqual([]);
    comm.say(HELLO);
    const [asked] = comm.sent as { id: number }[];
    comm.say({ id: asked?.id, result: "A" });
    expect(await answer).toBe("A");
    comm.say({ event: "tree", body: { tree: null } });
    expect(link.news.value).toBe(1);
    kernel.comms[0]?.say({ variables: [{ ...GRAPH, key: 8 }] });
    expect([comm.isDisposed, kernel.comms.length]).toEqual([true, 3]);
    source.dispose();
    channel.close();
    expect(kernel.comms[2]?.isDisposed).toBe(true);
  });

  test("tells where a coding agent looks once that is wanted", async () => {
    const link = await linked();
    kernel.comms[0]?.say({ variables: [GRAPH] });
    const marked = signal(false);
    const channel = new VariableChannel(link, "graph", marked);
    await settled();
    marked.value = true;
    await settled();
    expect(kernel.comms.slice(1).map(({ data, isDisposed }) => [data, isDisposed])).toEqual([
      [{ protocol: PROTOCOL_VERSION, name: "graph", agent: false }, true],
      [{ protocol: PROTOCOL_VERSION, name: "graph", agent: true }, false],
    ]);
    channel.close();
  });

  test("that cannot be debugged says why", async () => {
    const link = await linked();
    kernel.comms[0]?.say({ variables: [GRAPH] });
    const channel = new VariableChannel(link, "graph");
    await settled();
    kernel.comms[1]?.say({ refused: { code: "source", cause: "It is gone.", remedy: "Run it." } });
    expect(channel.lost.value).toBe("It is gone. Run it.");
  });

  test("waits for the thread of the kernel that serves it", async () => {
    const link = await linked();
    kernel.comms[0]?.say({ variables: [GRAPH] });
    kernel.supportsSubshells = true;
    let started = () => {};
    const subshellStarted = new Promise<void>((resolve) => {
      started = resolve;
    });
    const comm = Object.assign(new Comm(), { commsOverSubshells: "perCommTarget", subshellStarted });
    kernel.createComm = () => comm;
    new VariableChannel(link, "graph");
    await settled();
    expect(comm.data).toBe(undefined);
    started();
    await settled();
    expect(comm.data).toEqual({ protocol: PROTOCOL_VERSION, name: "graph", agent: false });
  });
});

test("the language is JupyterLab's", () => {
  speak({ languageCode: "de-DE" } as never);
  expect(language.value).toBe("de");
  speak(null);
  expect(language.value).toBe("de");
  speakAs("en");
});

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { PROTOCOL_VERSION } from "../src/protocol";
import type { ProtocolError } from "../src/source/error";
import { NotShown, type Server, ServerSource, unframed } from "../src/source/server";

/** A frame as the server makes it. */
function frame(message: unknown, ...buffers: Uint8Array[]): ArrayBuffer {
  const head = new TextEncoder().encode(JSON.stringify({ message, buffers: buffers.map((b) => b.length) }));
  const parts = [new Uint8Array(4), head, ...buffers];
  new DataView((parts[0] as Uint8Array).buffer).setUint32(0, head.length);
  return Uint8Array.from(parts.flatMap((part) => [...part])).buffer;
}

class Socket {
  static readonly OPEN = 1;
  readyState = 0;
  readonly sent: { id: number; method?: string; cancel?: number }[] = [];
  onopen = () => {};
  onclose = () => {};
  onmessage = (_event: { data: ArrayBuffer }) => {};

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  open(): void {
    this.readyState = 1;
    this.onopen();
  }

  close(): void {
    this.readyState = 3;
    this.onclose();
  }
}

class Fake implements Server {
  readonly asked: [string, string, unknown][] = [];
  readonly sockets: [string, Socket][] = [];
  answer: () => Response = () => Response.json({ document: `d${this.asked.length}` }, { status: 201 });

  async fetch(route: string, { method, body }: { method: string; body?: string }): Promise<Response> {
    this.asked.push([method, route, body && JSON.parse(body)]);
    return method === "DELETE" ? new Response(null, { status: 204 }) : this.answer();
  }

  socket(route: string): WebSocket {
    const made = new Socket();
    this.sockets.push([route, made]);
    return made as unknown as WebSocket;
  }

  last(): Socket {
    return (this.sockets.at(-1) as [string, Socket])[1];
  }
}

let server: Fake;
beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Socket);
  server = new Fake();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const failure = (opening: Promise<unknown>): Promise<ProtocolError | null> =>
  opening.then(
    () => null,
    (error: ProtocolError) => error,
  );

describe("ServerSource", () => {
  test("a frame is a message and its buffers", () => {
    const { message, buffers } = unframed(frame({ id: 1 }, Uint8Array.of(7, 8), new Uint8Array(0)));
    expect(message).toEqual({ id: 1 });
    expect(buffers.map((view) => [view.byteLength, view.byteLength && view.getUint8(1)])).toEqual([
      [2, 8],
      [0, 0],
    ]);
  });

  test("a document is opened, asked over its channel, and closed", async () => {
    const source = await ServerSource.open(server, "sub/chat.db");
    expect(server.asked).toEqual([
      ["POST", "documents", { path: "sub/chat.db", protocol: PROTOCOL_VERSION }],
    ]);
    expect(server.sockets[0]?.[0]).toBe("documents/d1/channel");
    const answer = source.request("raw_get", { checkpoint: "a" });
    expect(server.last().sent).toEqual([]);
    server.last().open();
    const [asked] = server.last().sent;
    expect(asked).toEqual({ id: expect.any(Number), method: "raw_get", params: { checkpoint: "a" } });
    server.last().onmessage({ data: frame({ id: asked?.id, result: "A" }) });
    expect(await answer).toBe("A");
    source.dispose();
    expect(server.asked.at(-1)).toEqual(["DELETE", "documents/d1", undefined]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.sockets.length).toBe(1);
  });

  test("a connection that breaks off is told, and made anew over a document of its own", async () => {
    const source = await ServerSource.open(server, "chat.db");
    server.last().open();
    const lost = failure(source.request("raw_get", { checkpoint: "a" }));
    server.last().close();
    expect((await lost)?.code).toBe("gone");
    expect(source.lost.value).toBe(
      "The connection to the Jupyter server is lost: it goes on once the server answers again.",
    );
    server.answer = () => {
      throw new TypeError("Failed to fetch");
    };
    await vi.advanceTimersByTimeAsync(10_000);
    expect(server.sockets.length).toBe(1);
    server.answer = () =>
      Response.json(
        { kind: "MissingFile", cause: "There is no file chat.db here.", remedy: "Look." },
        { status: 404 },
      );
    await vi.advanceTimersByTimeAsync(5_000);
    expect(source.lost.value).toBe("There is no file chat.db here. Look.");
    server.answer = () => Response.json({ document: "again" }, { status: 201 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(server.sockets.at(-1)?.[0]).toBe("documents/again/channel");
    server.last().open();
    expect(source.lost.value).toBe(null);
    source.dispose();
  });

  test("why a file is not opened is said with its remedy", async () => {
    const said = { kind: "NoCheckpoints", cause: "It holds none.", remedy: "Another." };
    server.answer = () => Response.json(said, { status: 422 });
    const other = (await failure(ServerSource.open(server, "a.db"))) as NotShown;
    expect([other instanceof NotShown, other.kind, other.message, other.remedy]).toEqual([
      true,
      "NoCheckpoints",
      "It holds none.",
      "Another.",
    ]);
    server.answer = () =>
      Response.json({ cause: "Two versions.", remedy: "Reload the page." }, { status: 409 });
    const versions = (await failure(ServerSource.open(server, "a.db"))) as ProtocolError;
    expect([versions.code, versions.remedy]).toEqual(["refused", "Reload the page."]);
    server.answer = () => Response.json({ message: "Not Found", reason: null }, { status: 404 });
    const none = (await failure(ServerSource.open(server, "a.db"))) as ProtocolError;
    expect([none.message, none.remedy]).toEqual([
      "The Jupyter server has no lgviz.",
      "Install it in the environment of the server (pip install 'lgviz[lab]') and restart the server.",
    ]);
    server.answer = () => {
      throw new TypeError("Failed to fetch");
    };
    expect(((await failure(ServerSource.open(server, "a.db"))) as ProtocolError).code).toBe("no_answer");
  });
});

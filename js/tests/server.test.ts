import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { speakAs } from "../src/lib/words";
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
  onclose = (_event: { code: number }) => {};
  onmessage = (_event: { data: ArrayBuffer }) => {};

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  open(): void {
    this.readyState = 1;
    this.onopen();
  }

  close(code = 1006): void {
    this.readyState = 3;
    this.onclose({ code });
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
    const source = await ServerSource.open(server, { path: "sub/chat.db" });
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
    const source = await ServerSource.open(server, { path: "chat.db" });
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
    expect(source.lost.value).toBe(
      "There is no file chat.db here. It may have been moved, deleted or hidden.",
    );
    server.answer = () => Response.json({ document: "again" }, { status: 201 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(server.sockets.at(-1)?.[0]).toBe("documents/again/channel");
    server.last().open();
    expect(source.lost.value).toBe(null);
    server.last().close(4001);
    expect(source.lost.value).toBe("The file was moved, deleted or replaced: it is opened anew.");
    source.dispose();
  });

  test("why a file is not opened is said with its remedy", async () => {
    const opening = async (status: number, said: object) => {
      server.answer = () => Response.json(said, { status });
      const error = (await failure(ServerSource.open(server, { path: "a.db" }))) as NotShown;
      return [error.code, error instanceof NotShown && error.kind, error.message, error.remedy];
    };
    const said = { cause: "It is locked.", remedy: "Wait.", version: "1.0", protocol: PROTOCOL_VERSION };
    expect(await opening(422, { ...said, kind: "SourceError" })).toEqual([
      "source",
      "SourceError",
      "It is locked.",
      "Wait.",
    ]);
    // What is often so is said in the reader's language.
    speakAs("de-DE");
    expect(await opening(422, { ...said, kind: "NoCheckpoints" })).toEqual([
      "source",
      "NoCheckpoints",
      "a.db enthält keine Checkpoints von LangGraph.",
      "Versuche es noch einmal, wenn ein Graph darauf gelaufen ist. Was anderes enthält, öffnet sich anderswo.",
    ]);
    speakAs("en");
    expect((await opening(422, { ...said, kind: "NotADatabase" }))[2]).toBe(
      "a.db is no readable SQLite database.",
    );
    expect((await opening(404, { ...said, kind: "MissingFile" }))[2]).toBe("There is no file a.db here.");
    expect((await opening(503, { ...said, kind: "Full" }))[3]).toBe(
      "Close one of them, and retry in a moment.",
    );
    // Of another version, whichever is older; one that does not tell its protocol says it by itself.
    expect(await opening(409, { ...said, protocol: PROTOCOL_VERSION - 1 })).toEqual([
      "refused",
      false,
      "The Jupyter server's lgviz (1.0) is older than this page's.",
      "Upgrade lgviz in the environment of the server, and restart the server.",
    ]);
    expect((await opening(409, { ...said, protocol: PROTOCOL_VERSION + 1 })).slice(2)).toEqual([
      "The Jupyter server's lgviz (1.0) is newer than this page's.",
      "Reload the page.",
    ]);
    expect(await opening(409, { cause: "Two versions.", remedy: "Reload the page." })).toEqual([
      "refused",
      false,
      "Two versions.",
      "Reload the page.",
    ]);
    // What a proxy says in the server's place, and who is logged out.
    expect((await opening(424, { message: "Not running" }))[0]).toBe("no_answer");
    expect((await opening(403, { message: "Forbidden" })).slice(2)).toEqual([
      "The Jupyter server refuses to open it (403).",
      "Reload the page: you may have to log in again.",
    ]);
    server.answer = () => Response.json({ message: "Not Found", reason: null }, { status: 404 });
    const none = (await failure(ServerSource.open(server, { path: "a.db" }))) as ProtocolError;
    expect([none.message, none.remedy]).toEqual([
      "The Jupyter server has no lgviz.",
      "Install it in the environment of the server (pip install 'lgviz[lab]') and restart the server.",
    ]);
    server.answer = () => {
      throw new TypeError("Failed to fetch");
    };
    expect(((await failure(ServerSource.open(server, { path: "a.db" }))) as ProtocolError).code).toBe(
      "no_answer",
    );
  });
});

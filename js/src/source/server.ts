// A Jupyter server as a source: a document of its disk, opened by a route, asked over a websocket.
//
// A message is a frame: four bytes of length, a head in JSON, the buffers (lgviz/server/frames.py).
import { t } from "../lib/words";
import { PROTOCOL_VERSION } from "../protocol";
import { ProtocolError } from "./error";
import { KernelSource, type MessageModel } from "./kernel";

/** How the server of the page is reached, below its `lgviz/api`: the page knows its address and its token. */
export interface Server {
  fetch(route: string, init: { method: string; body?: string }): Promise<Response>;
  socket(route: string): WebSocket;
}

/** What the server says of a document that it opened, or of why it did not. */
interface Said {
  document?: string;
  kind?: string;
  cause?: string;
  remedy?: string;
}

/** A file that cannot be shown, by the name of the server's error: `NoCheckpoints` where it is a database of others. */
export class NotShown extends ProtocolError {
  readonly kind: string;

  constructor(said: Pick<Said, "kind" | "cause" | "remedy">) {
    super("source", said.cause ?? "", said.remedy);
    this.kind = said.kind ?? "";
  }
}

const PAUSES_MS = [250, 1_000, 2_000, 5_000];

/** Opens a file of the server's for reading; its document.
 *
 * Throws a ProtocolError that says what to do: it holds no checkpoints ("source"), or the server's lgviz is missing or
 * of another version ("refused"), or the server does not answer ("no_answer").
 */
async function open(server: Server, path: string): Promise<string> {
  let answer: Response;
  try {
    const body = JSON.stringify({ path, protocol: PROTOCOL_VERSION });
    answer = await server.fetch("documents", { method: "POST", body });
  } catch {
    throw new ProtocolError(
      "no_answer",
      t("The Jupyter server does not answer."),
      t("Retry, or reload the page."),
    );
  }
  const said: Said = await answer.json().catch(() => ({}));
  if (said.document !== undefined) return said.document;
  if (said.cause !== undefined && answer.status === 409)
    throw new ProtocolError("refused", said.cause, said.remedy);
  if (said.cause !== undefined) throw new NotShown(said);
  if (answer.status === 404)
    throw new ProtocolError(
      "refused",
      t("The Jupyter server has no lgviz."),
      t("Install it in the environment of the server (pip install 'lgviz[lab]') and restart the server."),
    );
  throw new ProtocolError("refused", t("The Jupyter server refuses to open it ({n}).", { n: answer.status }));
}

/** One websocket after the other: where one breaks off, the document is opened anew. */
class Channel implements MessageModel {
  /** Hears why no answer can come any more; null: one can again. */
  onLost: (why: string | null) => void = () => {};
  readonly #server: Server;
  readonly #path: string;
  readonly #listeners = new Set<(message: unknown, buffers: DataView[]) => void>();
  #document: string;
  #socket: WebSocket;
  #waiting: string[] = [];
  #broken = 0;
  #closed = false;

  constructor(server: Server, path: string, document: string) {
    this.#server = server;
    this.#path = path;
    this.#document = document;
    this.#socket = this.#connect();
  }

  on(_event: "msg:custom", listener: (message: unknown, buffers: DataView[]) => void): void {
    this.#listeners.add(listener);
  }

  off(_event: "msg:custom", listener: (message: unknown, buffers: DataView[]) => void): void {
    this.#listeners.delete(listener);
  }

  send(content: unknown): void {
    const message = JSON.stringify(content);
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(message);
    else this.#waiting.push(message);
  }

  close(): void {
    this.#closed = true;
    this.#socket.close();
    this.#drop();
  }

  #connect(): WebSocket {
    const socket = this.#server.socket(`documents/${encodeURIComponent(this.#document)}/channel`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      if (this.#broken > 0) this.onLost(null);
      this.#broken = 0;
      for (const message of this.#waiting.splice(0)) socket.send(message);
    };
    socket.onmessage = ({ data }) => {
      const { message, buffers } = unframed(data as ArrayBuffer);
      for (const listener of [...this.#listeners]) listener(message, buffers);
    };
    socket.onclose = () => {
      if (this.#closed) return;
      if (this.#broken === 0)
        this.onLost(
          t("The connection to the Jupyter server is lost: it goes on once the server answers again."),
        );
      this.#waiting = [];
      setTimeout(() => void this.#again(), PAUSES_MS[Math.min(this.#broken++, PAUSES_MS.length - 1)]);
    };
    return socket;
  }

  async #again(): Promise<void> {
    try {
      if (this.#closed) return;
      this.#document = await open(this.#server, this.#path);
      if (this.#closed) this.#drop();
      else this.#socket = this.#connect();
    } catch (error) {
      const { code, message, remedy } = ProtocolError.of(error);
      if (code !== "no_answer") this.onLost(`${message} ${remedy}`);
      // Until it is there again, however often that takes.
      if (!this.#closed) setTimeout(() => void this.#again(), PAUSES_MS.at(-1));
    }
  }

  #drop(): void {
    void this.#server
      .fetch(`documents/${encodeURIComponent(this.#document)}`, { method: "DELETE" })
      .catch(() => {});
  }
}

/** A document of a server; `path` as the file browser names it. */
export class ServerSource extends KernelSource {
  readonly #channel: Channel;

  private constructor(channel: Channel) {
    super(channel, undefined, "server");
    this.#channel = channel;
    channel.onLost = (why) => this.lose(why);
  }

  /** Throws a ProtocolError that says what to do where the server does not open it. */
  static async open(server: Server, path: string): Promise<ServerSource> {
    return new ServerSource(new Channel(server, path, await open(server, path)));
  }

  override dispose(): void {
    super.dispose();
    this.#channel.close();
  }
}

/** The message of a frame, and its buffers. */
export function unframed(data: ArrayBuffer): { message: unknown; buffers: DataView[] } {
  const length = new DataView(data).getUint32(0);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  let at = 4 + length;
  const buffers = (head.buffers as number[]).map((size) => {
    at += size;
    return new DataView(data, at - size, size);
  });
  return { message: head.message, buffers };
}

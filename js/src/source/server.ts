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

/** What the server says of a document that it opened, or of why it did not; and which lgviz it has. */
interface Said {
  document?: string;
  kind?: string;
  cause?: string;
  remedy?: string;
  version?: string;
  protocol?: number;
}

/** What a page asks to be opened. */
export interface Wanted {
  /** As the file browser names it. */
  path: string;
  /** Whether to be told where a coding agent looks. */
  agent?: boolean;
}

/** A file that cannot be shown, by the name of the server's error: `NoCheckpoints` where it is a database of others. */
export class NotShown extends ProtocolError {
  readonly kind: string;

  constructor(said: Pick<Said, "kind" | "cause" | "remedy">) {
    super("source", said.cause ?? "", said.remedy);
    this.kind = said.kind ?? "";
  }
}

/** Why a file is not shown, in the reader's language, by the name of the server's error; of others the server's words. */
const REASONS: Readonly<Record<string, (name: string) => [cause: string, remedy: string]>> = {
  NoCheckpoints: (name) => [
    t("{name} holds no checkpoints of LangGraph.", { name }),
    t("Retry once a graph has run on it. What holds something else opens elsewhere."),
  ],
  NotADatabase: (name) => [
    t("{name} is no readable SQLite database.", { name }),
    t("It may be damaged, encrypted or of another kind. It opens elsewhere."),
  ],
  MissingFile: (name) => [
    t("There is no file {name} here.", { name }),
    t("It may have been moved, deleted or hidden."),
  ],
  Full: () => [
    t("The Jupyter server has too many documents open, or too much to do."),
    t("Close one of them, and retry in a moment."),
  ],
};

function disagreement(version: string, protocol: number): [cause: string, remedy: string] {
  return protocol < PROTOCOL_VERSION
    ? [
        t("The Jupyter server's lgviz ({version}) is older than this page's.", { version }),
        t("Upgrade lgviz in the environment of the server, and restart the server."),
      ]
    : [
        t("The Jupyter server's lgviz ({version}) is newer than this page's.", { version }),
        t("Reload the page."),
      ];
}

/** How the server closes the channel of a document that it ends (lgviz/server/routes.py). */
const ENDED = 4001;
const PAUSES_MS = [250, 1_000, 2_000, 5_000];

/** Opens a file of the server's for reading; its document.
 *
 * Throws a ProtocolError that says what to do: it holds no checkpoints ("source"), or the server's lgviz is missing or
 * of another version ("refused"), or the server does not answer ("no_answer").
 */
async function open(server: Server, wanted: Wanted): Promise<string> {
  let answer: Response;
  try {
    const body = JSON.stringify({ ...wanted, protocol: PROTOCOL_VERSION });
    answer = await server.fetch("documents", { method: "POST", body });
  } catch {
    throw silence();
  }
  const said: Said = await answer.json().catch(() => ({}));
  if (said.document !== undefined) return said.document;
  if (said.protocol !== undefined && said.protocol !== PROTOCOL_VERSION)
    throw new ProtocolError("refused", ...disagreement(said.version ?? "", said.protocol));
  if (said.cause !== undefined && answer.status === 409)
    throw new ProtocolError("refused", said.cause, said.remedy);
  const reason = REASONS[said.kind ?? ""]?.(wanted.path);
  if (reason) throw new NotShown({ ...said, cause: reason[0], remedy: reason[1] });
  if (said.cause !== undefined) throw new NotShown(said);
  if (answer.status === 404)
    throw new ProtocolError(
      "refused",
      t("The Jupyter server has no lgviz."),
      t("Install it in the environment of the server (pip install 'lgviz[lab]') and restart the server."),
    );
  if (NOT_ITSELF.has(answer.status)) throw silence();
  throw new ProtocolError(
    "refused",
    t("The Jupyter server refuses to open it ({n}).", { n: answer.status }),
    t("Reload the page: you may have to log in again."),
  );
}

/** What a proxy says in the place of a server that is stopped or starts. */
const NOT_ITSELF = new Set([424, 502, 503, 504]);

function silence(): ProtocolError {
  return new ProtocolError(
    "no_answer",
    t("The Jupyter server does not answer."),
    t("Retry, or reload the page."),
  );
}

/** One websocket after the other: where one breaks off, the document is opened anew. */
class Channel implements MessageModel {
  /** Hears why no answer can come any more; null: one can again. */
  onLost: (why: string | null) => void = () => {};
  readonly #server: Server;
  readonly #wanted: Wanted;
  readonly #listeners = new Set<(message: unknown, buffers: DataView[]) => void>();
  #document: string;
  #socket: WebSocket;
  #waiting: string[] = [];
  #broken = 0;
  #closed = false;

  constructor(server: Server, wanted: Wanted, document: string) {
    this.#server = server;
    this.#wanted = wanted;
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
    socket.onclose = ({ code }) => {
      if (this.#closed) return;
      if (this.#broken === 0)
        this.onLost(
          code === ENDED
            ? t("The file was moved, deleted or replaced: it is opened anew.")
            : t("The connection to the Jupyter server is lost: it goes on once the server answers again."),
        );
      this.#waiting = [];
      setTimeout(() => void this.#again(), PAUSES_MS[Math.min(this.#broken++, PAUSES_MS.length - 1)]);
    };
    return socket;
  }

  async #again(): Promise<void> {
    try {
      if (this.#closed) return;
      this.#document = await open(this.#server, this.#wanted);
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

/** A document of a server. */
export class ServerSource extends KernelSource {
  readonly #channel: Channel;

  private constructor(channel: Channel) {
    super(channel, undefined, "server");
    this.#channel = channel;
    channel.onLost = (why) => this.lose(why);
  }

  /** Throws a ProtocolError that says what to do where the server does not open it. */
  static async open(server: Server, wanted: Wanted): Promise<ServerSource> {
    return new ServerSource(new Channel(server, wanted, await open(server, wanted)));
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

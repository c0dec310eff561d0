// A static page as a source: answers from the whole values that lie in the page, cut here as Python cuts them.
import { t } from "../lib/words";
import type {
  BranchesView,
  CheckpointView,
  ComparisonView,
  DiffView,
  MediaData,
  MemoryChanges,
  MemoryItemView,
  MemoryRow,
  MemoryVersions,
  MemoryView,
  RowMarks,
  SearchHit,
  TaskView,
  TaskWrites,
  ThreadView,
  ToldSentence,
  WhyView,
} from "../protocol";
import { blameOf, placeIn } from "./blamer";
import { bufferOf, decodeResult } from "./columns";
import { differ } from "./differ";
import { ProtocolError } from "./error";
import { Parts, type Stored } from "./parts";
import type { Method, Params, RequestOptions, Result, Source } from "./types";
import { cut, findPath, partAt, rawText, searchIn, type WholeNode } from "./whole";

interface PageRow {
  view: Omit<CheckpointView, "channels"> & {
    channels: (Omit<CheckpointView["channels"][number], "value"> & { value: WholeNode })[];
  };
  diff: DiffView;
  writes: TaskWrites[];
  tasks: TaskView[];
  why: WhyView;
  told: ToldSentence[];
  raw: { config: string; metadata: string; checkpoint: string };
}

interface PageItem {
  row: MemoryRow;
  item: MemoryItemView;
  value: WholeNode;
}

interface PageMemoryRow {
  changed: number;
  items: PageItem[];
  changes: MemoryChanges | null;
}

interface PageMemory {
  open: MemoryView;
  now: Stored;
  rows: Stored[];
  versions: Record<string, Stored>;
}

/** The head of what the file holds; parts follow it, which are stored once. */
export interface PageData {
  opened: ThreadView;
  buffers: string[];
  marks: RowMarks[];
  rows: Stored[];
  memory: PageMemory | null;
  /** Comparisons by both ends, the older first: `left right`. Which steps did the same, Python tells by all that
   * they wrote. */
  comparisons: Record<string, Stored>;
  branches: Stored;
}

type Answers = { [M in Method]?: (params: Params<M>, options: RequestOptions<M>) => unknown };

/** Hits that are sent at once, and in all. */
const HITS = 2_000;

export class PageSource implements Source {
  readonly #data: PageData;
  readonly #parts: Parts;
  readonly #numbers: Map<string, number>;
  readonly #answers: Answers = {
    threads_list: ({ query }) => {
      const { thread } = this.#data.opened;
      const threads = thread.thread_id.toLowerCase().includes(query.toLowerCase()) ? [thread] : [];
      return { threads, total: threads.length, after: null };
    },
    thread_open: () => this.#data.opened,
    thread_refresh: () => this.#data.opened.thread,
    rows_marks: ({ checkpoints }) => {
      const wanted = new Set(checkpoints);
      return this.#data.marks.filter(({ id }) => wanted.has(id));
    },
    checkpoint_get: ({ checkpoint }) => {
      const { view } = this.#row(checkpoint);
      return { ...view, channels: view.channels.map((one) => ({ ...one, value: cut(one.value) })) };
    },
    value_get: ({ checkpoint, channel, path, offset, limit }) =>
      cut(partAt(this.#value(checkpoint, channel), path), offset, limit),
    value_find: ({ checkpoint, channel, before, match, after }) => ({
      path: findPath(this.#value(checkpoint, channel), before, match, after),
    }),
    blame_get: ({ checkpoint }) => blameOf(this.#path(checkpoint)),
    origin_find: ({ checkpoint, channel, path, line, target }) => {
      const there = this.#row(target).view.channels.find(({ name }) => name === channel);
      return placeIn(this.#value(checkpoint, channel), there?.value, path, line);
    },
    media_get: ({ checkpoint, channel, path }) => {
      const { media, data } = partAt(this.#value(checkpoint, channel), path);
      if (!media || data === undefined) throw missing();
      return { mime: media.mime, buffer: 0, data } satisfies MediaData & { data: string };
    },
    diff_get: ({ before, after, internal }) => this.#diff(before, after, internal),
    writes_get: ({ checkpoint }) => this.#row(checkpoint).writes,
    tasks_get: ({ checkpoint }) => this.#row(checkpoint).tasks,
    why_get: ({ checkpoint }) => this.#row(checkpoint).why,
    narration_get: ({ checkpoint }) => this.#row(checkpoint).told,
    compare_get: ({ left, right }) => this.#compared(left, right),
    branches_get: () => this.#parts.of<BranchesView>(this.#data.branches),
    raw_get: ({ checkpoint }) => {
      const { raw, view } = this.#row(checkpoint);
      return { ...raw, checkpoint: rawText(raw.checkpoint, view.channels) };
    },
    search: ({ query }, { signal, onProgress }) => this.#search(query, signal, onProgress),
    answer_form: () => [],
    memory_open: ({ checkpoint }) => {
      const { memory } = this.#data;
      if (!memory) return { ...NO_MEMORY };
      const row = checkpoint !== null && memory.open.past ? this.#memoryRow(checkpoint) : null;
      return { ...memory.open, changed: row?.changed ?? null };
    },
    memory_list: ({ checkpoint, ref, offset, limit }) =>
      this.#listed(this.#items(checkpoint), ref, offset, limit),
    memory_search: ({ checkpoint, ref, text, offset, limit }) => {
      const below = namespaceOf(ref);
      const wanted = text.toLowerCase();
      const found = this.#items(checkpoint).filter(
        ({ row, value }) =>
          below.every((label, i) => row.namespace[i] === label) &&
          (row.key.toLowerCase().includes(wanted) ||
            searchIn(value, wanted, new Set()).next().done === false),
      );
      const items = found.slice(offset, offset + limit).map(({ row }) => row);
      return { items, total: found.length, more: false };
    },
    memory_item: ({ checkpoint, ref }) => this.#item(checkpoint, ref),
    memory_value: ({ checkpoint, ref, version, field, path, offset, limit }) => {
      const found =
        version === null
          ? this.#items(checkpoint).find(({ row }) => row.ref === ref)?.value
          : this.#versions(ref).values[version - 1];
      const part = field === null ? found : found && fieldsOf(found).get(field)?.value;
      if (!part) throw missing();
      return cut(partAt(part, path), offset, limit);
    },
    memory_versions: ({ ref, offset, limit }) => {
      const listed = this.#versions(ref);
      return { versions: listed.versions.slice(offset, offset + limit), total: listed.total };
    },
    memory_diff: ({ ref, before, after }) => {
      const { values } = this.#versions(ref);
      const fields = (number: number) => (number > 0 ? (values[number - 1] ?? null) : null);
      return differ(
        fieldsOf(fields(before)),
        fieldsOf(fields(after)),
        before > 0 ? `v${before}` : null,
        after > 0 ? `v${after}` : null,
      );
    },
    memory_changes: ({ checkpoint }) =>
      this.#memoryRow(checkpoint)?.changes ?? ({ changes: [], total: 0 } satisfies MemoryChanges),
  };

  constructor(data: PageData, parts: readonly string[]) {
    this.#data = data;
    this.#parts = new Parts(parts);
    this.#numbers = new Map(data.opened.tree.ids.map((id, row) => [id, row]));
  }

  async request<M extends Method>(
    method: M,
    params: Params<M>,
    options: RequestOptions<M> = {},
  ): Promise<Result<M>> {
    const answer = this.#answers[method];
    if (!answer) throw new ProtocolError("refused", t("A saved page cannot do this."));
    if (options.signal?.aborted) throw new ProtocolError("cancelled", t("Cancelled."));
    const found = await answer(params, options);
    const packed = method === "media_get" ? [(found as { data: string }).data] : this.#data.buffers;
    const binary = method === "thread_open" || method === "media_get";
    return decodeResult(method, found, binary ? packed.map(bufferOf) : []) as Result<M>;
  }

  /** Nothing is said unasked. */
  on(): () => void {
    return () => {};
  }

  dispose(): void {}

  #row(checkpoint: string): PageRow {
    const row = this.#numbers.get(checkpoint);
    if (row === undefined) throw missing();
    return this.#parts.of<PageRow>(this.#data.rows[row]);
  }

  #compared(left: string, right: string): ComparisonView {
    const found = this.#data.comparisons[`${left} ${right}`];
    if (found !== undefined) return this.#parts.of<ComparisonView>(found);
    const named = Object.keys(this.#data.comparisons).map((ends) =>
      ends
        .split(" ")
        .map((id) => this.#row(id).view.label)
        .join(" ↔ "),
    );
    throw new ProtocolError(
      "refused",
      t("This page does not hold the comparison of these two."),
      named.length > 0
        ? t("It holds {pairs}; Diff shows what differs between any two checkpoints.", {
            pairs: named.join(", "),
          })
        : t("Diff shows what differs between any two checkpoints."),
    );
  }

  /** A checkpoint and those before it in its namespace. */
  #path(checkpoint: string): PageRow[] {
    const path = [this.#row(checkpoint)];
    const { namespace } = (path[0] as PageRow).view;
    for (let row = path[0]; row?.view.parent; ) {
      row = this.#numbers.has(row.view.parent) ? this.#row(row.view.parent) : undefined;
      if (row?.view.namespace !== namespace) break;
      path.push(row);
    }
    return path;
  }

  #value(checkpoint: string, channel: string): WholeNode {
    const found = this.#row(checkpoint).view.channels.find(({ name }) => name === channel);
    if (!found) throw missing();
    return found.value;
  }

  #diff(before: string | null, after: string, internal: boolean): DiffView {
    const row = this.#row(after);
    const parent = row.view.parent;
    const recorded = before === null || before === parent;
    const whole = recorded ? row.diff : this.#computed(before, row);
    if (internal) return whole;
    const inside = new Set(row.view.channels.flatMap((one) => (one.internal ? one.name : [])));
    const channels = whole.channels.filter((one) => !one.internal);
    const unchanged = whole.unchanged.filter((name) => !inside.has(name));
    return { ...whole, channels, unchanged, internal: whole.channels.length - channels.length };
  }

  /** The difference of two checkpoints of which none is the other's parent. */
  #computed(before: string, after: PageRow): DiffView {
    const old = this.#row(before);
    const channels = ({ view }: PageRow) => new Map(view.channels.map((one) => [one.name, one]));
    return differ(channels(old), channels(after), old.view.label, after.view.label);
  }

  async #search(
    query: string,
    signal: AbortSignal | undefined,
    tell: RequestOptions<"search">["onProgress"],
  ): Promise<Result<"search">> {
    const total = this.#data.rows.length;
    const wanted = query.toLowerCase();
    const seen = new Set<WholeNode>();
    let hits: SearchHit[] = [];
    let count = 0;
    for (let row = 0; row < total && wanted !== ""; row++) {
      const { view } = this.#parts.of<PageRow>(this.#data.rows[row]);
      for (const hit of this.#hitsIn(view, row, wanted, seen)) {
        if (count++ >= HITS) return { hits, done: row, total, more: true };
        hits.push(hit);
      }
      if (row % 50 === 49) {
        tell?.({ hits, done: row + 1, total, more: false });
        hits = [];
        await new Promise((resolve) => setTimeout(resolve));
        if (signal?.aborted) throw new ProtocolError("cancelled", t("Cancelled."));
      }
    }
    return { hits, done: total, total, more: false };
  }

  *#hitsIn(view: PageRow["view"], row: number, wanted: string, seen: Set<WholeNode>): Generator<SearchHit> {
    const { id } = view;
    const around = (where: string, text: string, channel: string | null): SearchHit => {
      const at = text.toLowerCase().indexOf(wanted);
      const end = at + wanted.length;
      const flat = (part: string) => part.replace(/\s+/g, " ");
      return {
        id,
        row,
        channel,
        where,
        before: flat((at > CONTEXT ? "…" : "") + text.slice(Math.max(0, at - CONTEXT), at)),
        match: text.slice(at, end),
        after: flat(text.slice(end, end + CONTEXT) + (text.length > end + CONTEXT ? "…" : "")),
      };
    };
    const named: [string, string | null][] = [
      ["label", view.label === wanted ? view.label : null],
      ["note", view.note],
      ["error", view.error],
      ...view.nodes.map((node): [string, string] => ["node", node]),
    ];
    for (const [where, text] of named)
      if (text?.toLowerCase().includes(wanted)) yield around(where, text, null);
    for (const { name, internal, value } of view.channels) {
      if (internal) continue;
      for (const { path, text } of searchIn(value, wanted, seen)) yield around(name + path, text, name);
    }
  }

  // ------------------------------------------------------------ memory

  #memoryRow(checkpoint: string): PageMemoryRow | null {
    const row = this.#numbers.get(checkpoint);
    const stored = row === undefined ? undefined : this.#data.memory?.rows[row];
    return stored === undefined ? null : this.#parts.of<PageMemoryRow>(stored);
  }

  #items(checkpoint: string | null): PageItem[] {
    const { memory } = this.#data;
    if (!memory) throw missing();
    const then = checkpoint === null ? null : this.#memoryRow(checkpoint);
    return then?.items ?? this.#parts.of<PageItem[]>(memory.now);
  }

  #listed(all: PageItem[], ref: string, offset: number, limit: number): Result<"memory_list"> {
    const above = namespaceOf(ref);
    const own: MemoryRow[] = [];
    const below = new Map<string, { items: number; parts: Set<string> }>();
    for (const { row } of all) {
      const labels: string[] = JSON.parse(row.ref).slice(0, -1);
      if (!above.every((label, i) => labels[i] === label)) continue;
      const label = labels[above.length];
      if (label === undefined) {
        own.push(row);
        continue;
      }
      const known = below.get(label) ?? { items: 0, parts: new Set<string>() };
      known.items++;
      known.parts.add(labels.length > above.length + 1 ? `n${labels[above.length + 1]}` : `i${row.ref}`);
      below.set(label, known);
    }
    const namespaces = [...below].sort(([a], [b]) => (a < b ? -1 : 1));
    const page = namespaces.slice(offset, offset + limit).map(([label, { items, parts }]) => ({
      ref: JSON.stringify([...above, label]),
      label,
      items,
      children: parts.size,
    }));
    const skipped = Math.max(0, offset - namespaces.length);
    return {
      namespaces: page,
      items: own.slice(skipped, skipped + limit - page.length),
      total: namespaces.length + own.length,
    };
  }

  #item(checkpoint: string | null, ref: string): MemoryItemView {
    const found = this.#items(checkpoint).find(({ row }) => row.ref === ref);
    const versions = ref in (this.#data.memory?.versions ?? {}) ? this.#versions(ref).total : null;
    if (found) return { ...found.item, value: cut(found.value), versions };
    const labels: string[] = JSON.parse(ref);
    return {
      ref,
      namespace: labels.slice(0, -1),
      key: labels.at(-1) ?? "",
      value: null,
      created_at: null,
      updated_at: null,
      expires_at: null,
      ttl: null,
      text: "",
      reason: null,
      versions,
    };
  }

  #versions(ref: string): MemoryVersions & { values: (WholeNode | null)[] } {
    const stored = this.#data.memory?.versions[ref];
    return stored === undefined ? { versions: [], total: 0, values: [] } : this.#parts.of(stored);
  }
}

const CONTEXT = 40;

const NO_MEMORY: MemoryView = {
  store: null,
  past: false,
  versions: false,
  semantic: false,
  expires: false,
  read_only: null,
  token: "",
  changed: null,
};

function missing(): ProtocolError {
  return new ProtocolError("not_found", t("It is not in this page."));
}

function namespaceOf(ref: string): string[] {
  return ref === "" ? [] : JSON.parse(ref);
}

/** The fields of an item's value, as channels are differed. */
function fieldsOf(
  node: WholeNode | null,
): Map<string, { name: string; internal: boolean; value: WholeNode }> {
  const items = (node?.items ?? []).map(
    ({ key, value }) => [key, { name: key, internal: false, value }] as const,
  );
  return new Map(items);
}

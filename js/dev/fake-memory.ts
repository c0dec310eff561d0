// A store made up: two users, one item with versions, and one namespace of a hundred thousand items.
import type {
  DiffView,
  MemoryChange,
  MemoryEdit,
  MemoryPage,
  MemoryRow,
  MemoryVersion,
  MemoryView,
  Methods,
  ValueNode,
} from "../src/protocol";
import { ProtocolError } from "../src/source/error";

type Answers = {
  [M in keyof Methods]?: (params: Methods[M]["params"]) => Methods[M]["result"];
};

const MANY = 100_000;
const NOW = Date.now();

export class FakeMemory {
  view: MemoryView = {
    store: "SqliteStore",
    past: true,
    versions: true,
    semantic: true,
    expires: true,
    read_only: null,
    token: "1",
    changed: 1,
  };
  /** `namespace.key` to its text. */
  readonly items = new Map([
    ["users.ada.diet", "fish"],
    ["users.ada.home", "<img src=x onerror=alert(1)>"],
    ["users.bob.diet", "everything"],
  ]);

  readonly answers: Answers = {
    memory_open: () => ({ ...this.view }),
    memory_list: ({ ref, offset, limit }) => this.#list(path(ref), offset, limit),
    memory_search: ({ text, filter, query, offset, limit }) => {
      if (filter.includes("$near")) {
        throw new ProtocolError("refused", "The operator '$near' is unknown.", "Use $eq, $ne, $gt, …");
      }
      const found = [...this.items]
        .filter(([name, value]) => query !== "" || filter !== "" || `${name} ${value}`.includes(text))
        .map(([name]) => ({ ...row(name, this.items), score: query === "" ? null : 0.5 }));
      return { items: found.slice(offset, offset + limit), total: found.length, more: false };
    },
    memory_item: ({ ref }) => {
      const parts = path(ref);
      const value = this.items.get(parts.join("."));
      return {
        ref,
        namespace: parts.slice(0, -1),
        key: parts.at(-1) ?? "",
        value: value === undefined ? null : dict({ text: value }),
        created_at: NOW - 60_000,
        updated_at: NOW,
        expires_at: NOW + 90_000,
        ttl: 60,
        text: JSON.stringify({ text: value ?? "" }),
        reason: null,
        versions: 2,
      };
    },
    memory_value: () => dict({}),
    memory_versions: () => ({ versions: [version(2, "changed"), version(1, "added")], total: 2 }),
    memory_diff: ({ before, after }) => diff(`v${before}`, `v${after}`),
    memory_changes: () => ({ changes: [CHANGE], total: 1 }),
    memory_plan: (edit) => this.#plan(edit),
    memory_put: (edit) => {
      const plan = this.#plan(edit);
      this.items.set(path(plan.ref).join("."), (JSON.parse(edit.text) as { text: string }).text);
      this.view.token += "+";
      return plan;
    },
    memory_delete: ({ ref }) => {
      this.items.delete(path(ref).join("."));
      this.view.token += "-";
      return {};
    },
  };

  #plan(edit: MemoryEdit) {
    const parts = edit.ref === null ? [...edit.namespace.split("."), edit.key] : path(edit.ref);
    if (parts.includes(""))
      throw new ProtocolError("refused", "The namespace has an empty label.", "Write users.ada.");
    return { ref: refOf(parts), diff: diff("now", "new"), exists: this.items.has(parts.join(".")) };
  }

  #list(above: string[], offset: number, limit: number): MemoryPage {
    if (above[0] === "many") {
      const items = Array.from({ length: Math.min(limit, MANY - offset) }, (_, i) =>
        row(`many.key ${offset + i}`, this.items),
      );
      return { namespaces: [], items, total: MANY };
    }
    const names = [...this.items.keys()].map((name) => name.split("."));
    const below = names.filter((parts) => above.every((label, i) => parts[i] === label));
    const depth = above.length;
    const labels = new Set(below.filter((parts) => parts.length > depth + 1).map((parts) => parts[depth]));
    const namespaces = [...labels].map((label) => ({
      ref: refOf([...above, label as string]),
      label: label as string,
      items: below.filter((parts) => parts[depth] === label).length,
      children: depth === 0 ? 2 : below.filter((parts) => parts[depth] === label).length,
    }));
    if (depth === 0) namespaces.push({ ref: refOf(["many"]), label: "many", items: MANY, children: MANY });
    const items = below
      .filter((parts) => parts.length === depth + 1)
      .map((parts) => row(parts.join("."), this.items));
    return { namespaces, items, total: namespaces.length + items.length };
  }
}

function path(ref: string): string[] {
  return JSON.parse(ref) as string[];
}

function refOf(parts: readonly string[]): string {
  return JSON.stringify(parts);
}

function row(name: string, items: ReadonlyMap<string, string>): MemoryRow {
  const parts = name.split(".");
  return {
    ref: refOf(parts),
    namespace: parts.slice(0, -1),
    key: parts.at(-1) ?? "",
    summary: `text: ${items.get(name) ?? name}`,
    updated_at: NOW,
    score: null,
  };
}

function text(value: string): ValueNode {
  return { kind: "string", type: "str", text: value, size: value.length, more: 0 };
}

function dict(fields: Record<string, string>): ValueNode {
  const items = Object.entries(fields).map(([key, value]) => ({ key, value: text(value) }));
  return { kind: "dict", type: "dict", text: "{…}", size: items.length, more: 0, items };
}

function diff(before: string, after: string): DiffView {
  const change = {
    path: "",
    kind: "changed" as const,
    before: text("tofu"),
    after: text("fish"),
    words: null,
  };
  return {
    before,
    after,
    channels: [
      {
        channel: "text",
        internal: false,
        summary: "set",
        reducer: null,
        who: null,
        changes: [change],
        more: 0,
      },
    ],
    unchanged: [],
    internal: 0,
  };
}

const CHANGE: MemoryChange = {
  ref: refOf(["users", "ada", "diet"]),
  namespace: ["users", "ada"],
  key: "diet",
  kind: "changed",
  summary: "text: fish",
  node: "remember",
  diff: diff("before", "after"),
};

function version(number: number, kind: MemoryVersion["kind"]): MemoryVersion {
  return {
    number,
    kind,
    at: NOW - 60_000 / number,
    summary: "text: fish",
    node: "remember",
    thread_id: "trip-42",
    writer: { thread_id: "trip-42", id: `id-c${number}`, label: `c${number}`, made: true },
  };
}

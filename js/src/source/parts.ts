// JSON in which equal parts are stored once, put together as it is asked for (lgviz/page/parts.py takes it apart).

/** A value as it is stored: itself, or what stands for it. */
export type Stored = unknown;

export class Parts {
  readonly #table: readonly unknown[];
  readonly #made: unknown[];

  constructor(table: readonly unknown[]) {
    this.#table = table;
    this.#made = new Array(table.length);
  }

  /** The value of what is stored; equal parts are one object. */
  of<T>(stored: Stored): T {
    return this.#of(stored) as T;
  }

  #of(stored: unknown): unknown {
    if (typeof stored !== "object" || stored === null) return stored;
    const number = (stored as { $?: unknown }).$;
    if (typeof number === "number") {
      this.#made[number] ??= this.#of(this.#table[number]);
      return this.#made[number];
    }
    if (Array.isArray(stored)) return stored.map((part) => this.#of(part));
    if ("+" in stored) return (this.#of(stored["+"]) as unknown[][]).flat();
    return Object.fromEntries(Object.entries(stored).map(([key, part]) => [key, this.#of(part)]));
  }
}

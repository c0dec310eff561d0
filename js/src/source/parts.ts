// JSON in which equal parts are stored once, read and put together as it is asked for (lgviz/page/parts.py takes it apart).

/** A value as it is stored: itself, or what stands for it. */
export type Stored = unknown;

export class Parts {
  readonly #table: readonly string[];
  readonly #made: unknown[];

  /** `table`: the JSON of each part. */
  constructor(table: readonly string[]) {
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
      if (!(number in this.#made))
        this.#made[number] = this.#filled(JSON.parse(this.#table[number] as string));
      return this.#made[number];
    }
    return this.#filled(stored);
  }

  /** With its parts in the place of what stands for them. */
  #filled(made: object): unknown {
    if (Array.isArray(made)) {
      for (let i = 0; i < made.length; i++) made[i] = this.#of(made[i]);
      return made;
    }
    const fields = made as Record<string, unknown>;
    if ("+" in fields) return (this.#of(fields["+"]) as unknown[][]).flat();
    for (const key in fields) {
      const field = fields[key];
      if (typeof field === "object" && field !== null) fields[key] = this.#of(field);
    }
    return fields;
  }
}

// Which element draws which row: a row that leaves the window leaves its element to the one that comes.

/** Slots for the rows of a window, counted from the oldest row, so that a new row takes none from another. */
export class Slots {
  readonly #size: number;
  readonly #count: number;

  /** As many as a window has rows, of so many rows in all. */
  constructor(size: number, count: number) {
    this.#size = Math.max(1, size);
    this.#count = count;
  }

  /** The slot of the row at a position, which is counted from the newest row. */
  of(position: number): number {
    return (this.#count - 1 - position) % this.#size;
  }

  /** The positions `from` to `to` (not included) in the order of their slots, that of `first` first. */
  order(from: number, to: number, first: number): number[] {
    const positions: number[] = [];
    for (let i = 0; i < this.#size; i++) {
      const after = (((this.of(from) - first + i) % this.#size) + this.#size) % this.#size;
      if (from + after < to) positions.push(from + after);
    }
    return positions;
  }
}

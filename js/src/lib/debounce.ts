// One question at a time, asked only after a pause: the newest wins, older ones are cancelled.

export class Debounce {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #abort: AbortController | undefined;

  constructor(readonly wait: number) {}

  /** Run `work` after the pause unless asked again or cancelled; its signal says when it is no longer wanted. */
  ask(work: (signal: AbortSignal) => void): void {
    this.cancel();
    const abort = new AbortController();
    this.#abort = abort;
    this.#timer = setTimeout(() => work(abort.signal), this.wait);
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = undefined;
  }
}

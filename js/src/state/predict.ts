// Predicting before acting: whether it is on, the question that stands before an act, and what was told of the answer.
import { signal } from "@preact/signals";
import type { PredictRequest, PredictTold, PredictView } from "../protocol";
import { ProtocolError } from "../source/error";
import type { Source } from "../source/types";

/** A question, and the act that waits for its answer. */
export interface Asking {
  question: PredictView & { id: string };
  told: PredictTold | null;
  go(): void;
}

export class Predicting {
  readonly on = signal(false);
  /** The question that stands; it stays with what was told until it is dismissed or another comes. */
  readonly asking = signal<Asking | null>(null);
  readonly failure = signal<ProtocolError | null>(null);
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  toggle(): void {
    this.on.value = !this.on.peek();
    this.asking.value = null;
  }

  /** Comes back when an act may be done: at once where nothing is asked, else when it was answered or skipped. */
  async before(request: PredictRequest): Promise<void> {
    if (!this.on.peek()) return;
    this.failure.value = null;
    let question: PredictView;
    try {
      question = await this.#source.request("predict_make", request);
    } catch {
      return; // no question keeps from an act
    }
    const { id } = question;
    if (id === null) {
      this.asking.value = null;
      return;
    }
    await new Promise<void>((go) => {
      this.asking.value = { question: { ...question, id }, told: null, go };
    });
  }

  /** Answers; the act goes on. */
  async answer(answer: string): Promise<void> {
    const asking = this.asking.peek();
    if (asking === null || asking.told !== null) return;
    try {
      const told = await this.#source.request("predict_answer", { id: asking.question.id, answer });
      if (this.asking.peek() === asking) this.asking.value = { ...asking, told };
      asking.go();
    } catch (error) {
      this.failure.value = ProtocolError.of(error);
    }
  }

  /** Goes on with the act unanswered. */
  skip(): void {
    const asking = this.asking.peek();
    this.asking.value = null;
    asking?.go();
  }

  /** Takes the question away; an act that waited for its answer is not done. */
  dismiss(): void {
    this.asking.value = null;
  }
}

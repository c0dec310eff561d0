// A request that failed: what is wrong and what to do about it.
import { t } from "../lib/words";
import type { ErrorCode, Failure, RefusedPart } from "../protocol";

/** "no_answer": nothing came back, the kernel may be gone; "gone": it is, which the debugger says by itself. */
export type FailureCode = ErrorCode | "no_answer" | "gone";

export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly remedy: string;
  readonly code: FailureCode;
  /** The parts of what was typed that are refused, each at its field. */
  readonly refused: readonly RefusedPart[];

  constructor(code: FailureCode, cause: string, remedy = "", refused: readonly RefusedPart[] = []) {
    super(cause);
    this.refused = refused;
    this.code = code;
    this.remedy = remedy;
  }

  static from(failure: Failure): ProtocolError {
    return new ProtocolError(failure.code, failure.cause, failure.remedy, failure.refused);
  }

  /** Whatever was thrown, as a ProtocolError. */
  static of(error: unknown): ProtocolError {
    if (error instanceof ProtocolError) return error;
    if (error instanceof DOMException && error.name === "AbortError")
      return new ProtocolError("cancelled", t("Cancelled."));
    return new ProtocolError("internal", error instanceof Error ? error.message : String(error));
  }
}

export function isCancelled(error: unknown): boolean {
  return ProtocolError.of(error).code === "cancelled";
}

// The inspector's answers of the fake source.
import type { Method } from "../src/source/types";

/** The answer to a method; undefined where there is none. For "thread_open" only its `topology` is used. */
export function inspectorAnswer(_method: Method, _params: unknown): unknown {
  return undefined;
}

// The time, for what ticks.
import { useEffect, useState } from "preact/hooks";

/** `performance.now()`, anew ten times a second while `ticking`. */
export function useNow(ticking: boolean): number {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!ticking) return;
    const timer = setInterval(() => tick((n) => n + 1), 100);
    return () => clearInterval(timer);
  }, [ticking]);
  return performance.now();
}

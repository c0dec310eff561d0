// Keys must not fall through to the notebook when the element that had the focus goes away.
import { useEffect } from "preact/hooks";

/** Take the focus when what is focused inside is removed or hidden by a change of ours; a move elsewhere is left
 * alone. What is within an element of the class `inner` is left to that one, as long as it is there. */
export function useFocusHeld(box: { current: HTMLElement | null }, inner?: string): void {
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let last: HTMLElement | null = null;
    let holder: Element | null = null;
    const gone = (one: Element) => !element.contains(one) || one.closest("[hidden]") !== null;
    const check = () => {
      const active = document.activeElement;
      if (last === null || !element.isConnected || (active && !gone(active))) return;
      if (holder && element.contains(holder)) return;
      const removed = gone(last);
      last = null;
      // What has just been hidden has the focus still.
      if (removed && (active === document.body || element.contains(active)))
        element.focus({ preventScroll: true });
    };
    const entered = (event: FocusEvent) => {
      last = event.target as HTMLElement;
      holder = inner === undefined ? null : last.closest(inner);
    };
    const left = () => queueMicrotask(check);
    const observer = new MutationObserver(check);
    element.addEventListener("focusin", entered);
    element.addEventListener("focusout", left);
    observer.observe(element, { childList: true, subtree: true, attributeFilter: ["hidden"] });
    return () => {
      observer.disconnect();
      element.removeEventListener("focusin", entered);
      element.removeEventListener("focusout", left);
    };
  }, [box, inner]);
}

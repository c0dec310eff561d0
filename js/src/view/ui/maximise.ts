// The whole window for one debugger, wherever in the page it stands.
import { useEffect } from "preact/hooks";
import type { ViewState } from "../../state/view";

/**
 * Puts the debugger over the page while `view.maximised` holds. A popover is drawn in the browser's top layer, which
 * neither a transform nor a containment of what it stands in can hold back; nothing is moved in the page.
 */
export function useMaximised(view: ViewState, root: { current: HTMLElement | null }): void {
  const on = view.maximised.value;
  useEffect(() => {
    const element = root.current;
    if (!element || !on) return;
    const place = element.parentElement;
    const before = place?.style.minHeight ?? "";
    // What is below stays where it is.
    if (place) place.style.minHeight = `${place.offsetHeight}px`;
    const end = () => {
      view.maximised.value = false;
    };
    // A browser that took it away, as with a cell that was scrolled out of the page, ends it.
    const onToggle = (event: Event) => {
      if ((event as ToggleEvent).newState === "closed") end();
    };
    const onFullscreen = () => {
      if (!document.fullscreenElement) end();
    };
    // The page below is covered: the focus stays over it.
    const onFocus = (event: FocusEvent) => {
      if (event.target instanceof Node && !element.contains(event.target))
        element.focus({ preventScroll: true });
    };
    const focused = document.activeElement;
    if (typeof element.showPopover === "function") {
      element.setAttribute("popover", "manual");
      element.showPopover();
      element.addEventListener("toggle", onToggle);
    } else {
      void element.requestFullscreen?.().catch(() => {});
      document.addEventListener("fullscreenchange", onFullscreen);
    }
    if (focused instanceof HTMLElement && element.contains(focused)) focused.focus({ preventScroll: true });
    document.addEventListener("focusin", onFocus);
    return () => {
      const inside = document.activeElement;
      document.removeEventListener("focusin", onFocus);
      document.removeEventListener("fullscreenchange", onFullscreen);
      element.removeEventListener("toggle", onToggle);
      if (element.hasAttribute("popover")) {
        if (element.matches(":popover-open")) element.hidePopover();
        element.removeAttribute("popover");
      } else if (document.fullscreenElement === element) void document.exitFullscreen();
      if (place) place.style.minHeight = before;
      if (inside instanceof HTMLElement && element.contains(inside)) inside.focus({ preventScroll: true });
    };
  }, [view, root, on]);
}

// The style of this build, brought to where a display is: it holds for displays of the same build only.
import { css, stamp } from "lgviz:style";

/** anywidget's name for the style that notebooks of earlier versions carry; it holds for all of the page. */
const UNSTAMPED = 'style[id="lgviz.widget.Debugger"]';

/** Gives an element and all inside it the style of this build; the returned function lets go of it. */
export function bringStyle(element: HTMLElement): () => void {
  element.dataset.lgviz = stamp;
  addTo(document.head);
  // In an element with a shadow root, which a display is put into only now, the page's styles do not hold.
  const frame = requestAnimationFrame(() => {
    const root = element.getRootNode();
    if (root instanceof ShadowRoot) addTo(root);
  });
  const fence = new MutationObserver(fenceOff);
  fence.observe(document.head, { childList: true, subtree: true });
  fenceOff();
  return () => {
    cancelAnimationFrame(frame);
    fence.disconnect();
  };
}

function addTo(root: ParentNode & Node): void {
  if (root.querySelector(`style[data-lgviz-style="${stamp}"]`)) return;
  const style = document.createElement("style");
  style.dataset.lgvizStyle = stamp;
  style.textContent = css;
  root.append(style);
}

/** Keeps a style that is not stamped away from displays that are. */
function fenceOff(): void {
  for (const style of document.querySelectorAll(UNSTAMPED)) {
    const text = style.textContent ?? "";
    if (text.startsWith("@scope")) continue;
    style.textContent = `@scope (:root) to ([data-lgviz]) {\n${text}\n}`;
  }
}

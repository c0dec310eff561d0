// Looks for new checkpoints while somebody can see them.
import type { Store } from "./state/store";

const PAUSE = 1500;

/** Refreshes the store while `element` is in view and the page is not hidden; the returned function ends that. */
export function poll(store: Store, element: Element, pause = PAUSE): () => void {
  let inView = true;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;
  const tick = async () => {
    if (inView && !document.hidden) await store.refresh();
    if (!ended) timer = setTimeout(tick, pause);
  };
  const observer = new IntersectionObserver((entries) => {
    inView = entries.at(-1)?.isIntersecting ?? inView;
  });
  observer.observe(element);
  timer = setTimeout(tick, pause);
  return () => {
    ended = true;
    clearTimeout(timer);
    observer.disconnect();
  };
}

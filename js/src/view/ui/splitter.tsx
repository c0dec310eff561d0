// The edge between tree and inspector: drag it, or move it by arrow keys.
import type { ViewState } from "../../state/view";

const LEAST = 0.25;
const MOST = 0.7;

export function Splitter({ view }: { view: ViewState }) {
  const set = (share: number) => {
    view.split.value = Math.min(MOST, Math.max(LEAST, share));
  };
  const onPointerDown = (event: PointerEvent) => {
    const handle = event.currentTarget as HTMLElement;
    const body = handle.parentElement?.getBoundingClientRect();
    if (!body) return;
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    const move = (moved: PointerEvent) => set((moved.clientX - body.left) / body.width);
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", () => handle.removeEventListener("pointermove", move), {
      once: true,
    });
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a separator that can be moved is no <hr>.
    <div
      class="lgviz-splitter"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the tree"
      aria-valuemin={LEAST * 100}
      aria-valuemax={MOST * 100}
      aria-valuenow={Math.round(view.split.value * 100)}
      tabIndex={0}
      onPointerDown={onPointerDown}
      onDblClick={() => set(0.44)}
      onKeyDown={(event) => {
        if (event.key === "ArrowLeft") set(view.split.peek() - 0.02);
        else if (event.key === "ArrowRight") set(view.split.peek() + 0.02);
      }}
    />
  );
}

// Edges that are dragged, or moved by arrow keys: between tree and inspector, and below the debugger.
import { useEffect, useRef, useState } from "preact/hooks";
import { remember } from "../../lib/remembered";
import { rightToLeft, t } from "../../lib/words";
import type { ViewState } from "../../state/view";

const LEAST = 0.2;
const MOST = 0.75;
/** Below this width of the debugger the inspector is below the tree; `app.css` says the same. */
const NARROW = 760;

/** Between tree and inspector. */
export function Splitter({ view }: { view: ViewState }) {
  const edge = useRef<HTMLDivElement>(null);
  const narrow = useNarrow(edge);
  const split = narrow ? view.splitRows : view.split;
  const set = (share: number) => {
    split.value = Math.min(MOST, Math.max(LEAST, share));
    remember(narrow ? "split-rows" : "split", split.value);
  };
  return (
    <Edge
      refer={edge}
      class="lgviz-splitter"
      horizontal={narrow}
      label={narrow ? t("Height of the tree") : t("Width of the tree")}
      value={Math.round(split.value * 100)}
      range={[LEAST * 100, MOST * 100]}
      drag={(event) => {
        const body = edge.current?.parentElement?.getBoundingClientRect();
        if (!body) return;
        if (narrow) set((event.clientY - body.top) / body.height);
        else set((rightToLeft() ? body.right - event.clientX : event.clientX - body.left) / body.width);
      }}
      step={(by) => set(split.peek() + by * 0.02)}
      reset={() => {
        split.value = narrow ? 0.42 : 0.44;
        remember(narrow ? "split-rows" : "split", null);
      }}
    />
  );
}

const LOWEST = 320;
const HIGHEST = 4000;

/** Below the debugger: how high it is. */
export function BottomEdge({ view, height }: { view: ViewState; height: number }) {
  const edge = useRef<HTMLDivElement>(null);
  const set = (pixels: number) => {
    view.tall.value = Math.round(Math.min(HIGHEST, Math.max(LOWEST, pixels)));
    remember("height", view.tall.value);
  };
  return (
    <Edge
      refer={edge}
      class="lgviz-bottom"
      horizontal
      label={t("Height of the debugger")}
      value={height}
      range={[LOWEST, HIGHEST]}
      drag={(event) => set(event.clientY - (view.root?.getBoundingClientRect().top ?? 0))}
      step={(by) => set(height + by * 20)}
      reset={() => {
        view.tall.value = null;
        remember("height", null);
      }}
    />
  );
}

interface EdgeProps {
  refer: { current: HTMLDivElement | null };
  class: string;
  /** It lies between what is above and what is below. */
  horizontal: boolean;
  label: string;
  value: number;
  range: readonly [number, number];
  drag(event: PointerEvent): void;
  step(by: number): void;
  reset(): void;
}

function Edge({ refer, class: name, horizontal, label, value, range, drag, step, reset }: EdgeProps) {
  const onPointerDown = (event: PointerEvent) => {
    const handle = event.currentTarget as HTMLElement;
    event.preventDefault();
    handle.focus({ preventScroll: true });
    handle.setPointerCapture(event.pointerId);
    handle.addEventListener("pointermove", drag);
    const end = () => handle.removeEventListener("pointermove", drag);
    handle.addEventListener("lostpointercapture", end, { once: true });
  };
  const [back, on] = horizontal
    ? ["ArrowUp", "ArrowDown"]
    : rightToLeft()
      ? ["ArrowRight", "ArrowLeft"]
      : ["ArrowLeft", "ArrowRight"];
  return (
    // biome-ignore lint/a11y/useSemanticElements: a separator that can be moved is no <hr>.
    <div
      ref={refer}
      class={`${name}${horizontal ? " is-horizontal" : ""}`}
      role="separator"
      aria-orientation={horizontal ? "horizontal" : "vertical"}
      aria-label={label}
      aria-valuemin={range[0]}
      aria-valuemax={range[1]}
      aria-valuenow={value}
      title={t("Drag it, or use the arrow keys; a double click puts it back")}
      tabIndex={0}
      onPointerDown={onPointerDown}
      onDblClick={reset}
      onKeyDown={(event) => {
        if (event.key !== back && event.key !== on) return;
        event.preventDefault();
        step(event.key === back ? -1 : 1);
      }}
    />
  );
}

/** Whether the debugger is too narrow for the inspector beside the tree. */
function useNarrow(edge: { current: HTMLElement | null }): boolean {
  const [narrow, setNarrow] = useState(false);
  useEffect(() => {
    const body = edge.current?.parentElement;
    if (!body || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => setNarrow(body.clientWidth > 0 && body.clientWidth < NARROW));
    observer.observe(body);
    return () => observer.disconnect();
  }, [edge]);
  return narrow;
}

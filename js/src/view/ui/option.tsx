// One line of a list under a field that keeps the focus: clicked, pointed at, scrolled to while it is active.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  id: string;
  "aria-selected": boolean;
  /** The keys are at it. */
  active: boolean;
  kind?: string;
  choose(): void;
  point(): void;
  children: ComponentChildren;
  [data: `data-${string}`]: string;
}

export function ListOption({ active, kind = "", choose, point, children, ...more }: Props) {
  const row = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (active) row.current?.scrollIntoView({ block: "nearest" });
  }, [active]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus and handles the keys.
    <div
      ref={row}
      class={["lgviz-option", kind, active ? "is-active" : ""].filter(Boolean).join(" ")}
      role="option"
      tabIndex={-1}
      onClick={choose}
      onPointerMove={point}
      {...more}
    >
      {children}
    </div>
  );
}

// A text field that grows with its text.

import type { ComponentProps } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

type Props = Omit<ComponentProps<"textarea">, "value" | "ref"> & {
  value: string;
  change(value: string): void;
  mono?: boolean;
};

/** As high as its text; the page scrolls, not the field. */
export function Area({ value, change, mono = false, ...more }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    element.style.height = "auto";
    if (element.scrollHeight > 0) element.style.height = `${element.scrollHeight + 2}px`;
  }, [value]);
  return (
    <textarea
      rows={1}
      spellcheck={!mono}
      autocomplete="off"
      {...more}
      ref={area}
      class={`lgviz-input lgviz-area${mono ? "" : " is-text"}`}
      value={value}
      onInput={(event) => change(event.currentTarget.value)}
    />
  );
}

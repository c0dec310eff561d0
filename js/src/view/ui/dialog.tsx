// A dialog over everything: its frame, its heading, and the ways to close it.
import type { ComponentChildren } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { t } from "../../lib/words";
import { CloseIcon } from "./icons";

interface Props {
  box: { current: HTMLDivElement | null };
  label: string;
  /** A class of its own. */
  class?: string;
  testid?: string;
  close(): void;
  children: ComponentChildren;
}

/** Closed by its button, by a click beside it, and by Escape, which the debugger hears. */
export function Dialog({ box, label, class: own = "", testid, close, children }: Props) {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: a click beside the dialog closes it; Escape does by key.
    <div class="lgviz-veil" onClick={(event) => event.target === event.currentTarget && close()}>
      <div
        ref={box}
        class={`lgviz-dialog ${own}`}
        role="dialog"
        aria-modal="true"
        aria-label={label}
        data-testid={testid}
        tabIndex={-1}
      >
        <h3>
          {label}
          <button type="button" class="lgviz-bare" aria-label={t("Close")} onClick={close}>
            <CloseIcon />
          </button>
        </h3>
        {children}
      </div>
    </div>
  );
}

/** The focus comes in, to the first such element or to the dialog, and goes back to where it was. */
export function useFocusLent(box: Props["box"], first?: string): void {
  useLayoutEffect(() => {
    const before = document.activeElement;
    const to = first === undefined ? box.current : box.current?.querySelector<HTMLElement>(first);
    to?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, [box, first]);
}

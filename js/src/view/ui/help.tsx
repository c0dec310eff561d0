// The keys, over everything.

import { useEffect, useRef } from "preact/hooks";
import { help } from "../../lib/keyboard";
import { t } from "../../lib/words";
import type { ViewState } from "../../state/view";
import { CloseIcon } from "./icons";

export function Help({ view }: { view: ViewState }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, []);
  const close = () => (view.help.value = false);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: a click beside the dialog closes it; Escape does by key.
    <div class="lgviz-veil" onClick={(event) => event.target === event.currentTarget && close()}>
      <div ref={box} class="lgviz-help" role="dialog" aria-modal="true" aria-label={t("Keys")} tabIndex={-1}>
        <h3>
          {t("Keys")}
          <button type="button" class="lgviz-bare" aria-label={t("Close")} onClick={close}>
            <CloseIcon />
          </button>
        </h3>
        <dl>
          {help().map(([keys, meaning]) => (
            <div key={keys}>
              <dt>
                {keys.split(" ").map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
      </div>
    </div>
  );
}

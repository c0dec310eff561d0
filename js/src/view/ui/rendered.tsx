// Whether values are drawn as what they are (pictures, markdown) or as the text that they hold.

import { createContext } from "preact";
import { t } from "../../lib/words";
import { SourceIcon } from "./icons";

/** False: nothing of a value is drawn but text, until one asks for it. */
export const Rendered = createContext(false);

export function RenderedSwitch({ on, set }: { on: boolean; set(on: boolean): void }) {
  return (
    <button
      type="button"
      class="lgviz-link lgviz-rendered"
      data-testid="lgviz-rendered"
      aria-pressed={on}
      title={t("Pictures and markdown drawn, or the text that is stored")}
      onClick={() => set(!on)}
    >
      <SourceIcon />
      <span class="lgviz-word">{on ? t("show source") : t("show rendered")}</span>
    </button>
  );
}

// The keys, over everything.

import { useRef } from "preact/hooks";
import { help } from "../../lib/keyboard";
import { t } from "../../lib/words";
import type { ViewState } from "../../state/view";
import { Dialog, useFocusLent } from "./dialog";

export function Help({ view }: { view: ViewState }) {
  const box = useRef<HTMLDivElement>(null);
  useFocusLent(box);
  const close = () => (view.help.value = false);
  return (
    <Dialog box={box} label={t("Keys")} close={close}>
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
    </Dialog>
  );
}

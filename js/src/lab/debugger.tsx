// The part of the plugins that draws, fetched when it is first needed: the debugger, and what stands in its place.
import { effect } from "@preact/signals";
import { render } from "preact";
import { t } from "../lib/words";
import { mount } from "../mount";
import { isDark } from "../notebook";
import type { ProtocolError } from "../source/error";
import { NotShown, type Server, ServerSource } from "../source/server";
import { bringStyle } from "../style";
import { EmptyIcon, WarningIcon } from "../view/ui/icons";
import { Blank } from "../view/ui/states";

/** Shows a file of the server's; the returned function ends that. Throws a ProtocolError where it cannot be opened. */
export async function showDocument(element: HTMLElement, server: Server, path: string): Promise<() => void> {
  const source = await ServerSource.open(server, path);
  const mounted = mount(element, { source, height: null });
  // The server that answers again has opened the file anew: nothing of before is known to it.
  let was = false;
  const end = effect(() => {
    const lost = source.lost.value !== null;
    if (was && !lost) void mounted.store.openThread(mounted.store.thread.peek()?.thread_id ?? null);
    was = lost;
  });
  return () => {
    end();
    mounted.dispose();
  };
}

/** Says why a file is not shown, and how else it can be opened; the returned function ends that. */
export function showRefusal(
  element: HTMLElement,
  error: ProtocolError,
  elsewhere: readonly { name: string; open(): void }[],
  again: () => void,
): () => void {
  const endStyle = bringStyle(element);
  render(
    <div class={isDark() ? "lgviz lgviz-dark" : "lgviz"} style={{ height: "100%" }}>
      <div class="lgviz-frame">
        <Blank icon={error instanceof NotShown ? <EmptyIcon /> : <WarningIcon />} title={error.message} alert>
          {error.remedy && <p>{error.remedy}</p>}
          <div class="lgviz-row-of-buttons">
            <button type="button" class="lgviz-btn" onClick={again}>
              {t("Retry")}
            </button>
            {elsewhere.map(({ name, open }) => (
              <button key={name} type="button" class="lgviz-btn" onClick={open}>
                {t("Open with {name}", { name })}
              </button>
            ))}
          </div>
        </Blank>
      </div>
    </div>,
    element,
  );
  return () => {
    render(null, element);
    endStyle();
  };
}

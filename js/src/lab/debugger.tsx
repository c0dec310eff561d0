// The part of the plugins that draws, fetched when it is first needed: the debugger, the panel, and what stands in their place.
import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { type ComponentChildren, render } from "preact";
import { locale, rightToLeft, t } from "../lib/words";
import { mount } from "../mount";
import { followTheme } from "../notebook";
import type { ProtocolError } from "../source/error";
import { KernelSource } from "../source/kernel";
import { NotShown, type Server, ServerSource, type Wanted } from "../source/server";
import type { SharedModel } from "../state/store";
import { bringStyle } from "../style";
import { EmptyIcon, WarningIcon } from "../view/ui/icons";
import { Blank } from "../view/ui/states";
import { type KernelLink, VariableChannel } from "./kernel";
import { type Notebook, Panel } from "./panel";
import { agentMarked } from "./settings";

interface Shown {
  openThread(thread: string): void;
  close(): void;
}

/** A way to open a file elsewhere. */
export interface Way {
  label: string;
  open(): void;
}

/** Shows a file of the server's, if that is still wanted once it is open; throws a ProtocolError where it cannot be. */
export async function showDocument(
  element: HTMLElement,
  server: Server,
  wanted: Wanted,
  shared: SharedModel,
  isWanted: () => boolean,
): Promise<Shown | null> {
  const source = await ServerSource.open(server, wanted);
  if (isWanted()) return showSource(element, source, shared.get("thread_id"), shared);
  source.dispose();
  return null;
}

/** Shows what a variable of a kernel holds; `chosen` hears which thread is open. */
export function showVariable(
  element: HTMLElement,
  link: KernelLink,
  name: string,
  thread: string | null,
  chosen: (thread: string) => void,
): Shown {
  const channel = new VariableChannel(link, name, agentMarked);
  const source = new KernelSource(channel);
  const end = effect(() => source.lose(channel.lost.value));
  const shown = showSource(element, source, thread, undefined, chosen);
  return {
    ...shown,
    close() {
      end();
      shown.close();
      channel.close();
    },
  };
}

function showSource(
  element: HTMLElement,
  source: KernelSource,
  threadId: string | null,
  shared?: SharedModel,
  chosen?: (thread: string) => void,
): Shown {
  const { store, dispose } = mount(element, {
    source,
    threadId,
    height: null,
    ...(shared ? { shared } : {}),
  });
  // Who answers again knows nothing of before.
  let was = source.lost.peek() !== null;
  const end = effect(() => {
    const lost = source.lost.value !== null;
    if (was && !lost) void store.openThread(store.thread.peek()?.thread_id ?? store.wanted);
    was = lost;
  });
  const endChosen = store.thread.subscribe((thread) => {
    if (thread) chosen?.(thread.thread_id);
  });
  return {
    openThread(thread) {
      if (store.thread.peek()?.thread_id !== thread) void store.openThread(thread);
    },
    close() {
      end();
      endChosen();
      dispose();
    },
  };
}

/** Shows the left panel; the returned function ends that. */
export function showPanel(element: HTMLElement, notebook: ReadonlySignal<Notebook | null>): () => void {
  return draw(element, "lgviz-panel", <Panel notebook={notebook} />);
}

/** Says why a file is not shown, and how else it can be opened; the returned function ends that. */
export function showRefusal(
  element: HTMLElement,
  error: ProtocolError,
  elsewhere: readonly Way[],
  again: () => void,
): () => void {
  return draw(
    element,
    "lgviz-refusal",
    <div class="lgviz-frame">
      <Blank icon={error instanceof NotShown ? <EmptyIcon /> : <WarningIcon />} title={error.message} alert>
        {error.remedy && <p>{error.remedy}</p>}
        <div class="lgviz-row-of-buttons">
          <button type="button" class="lgviz-btn" onClick={again}>
            {t("Retry")}
          </button>
          {elsewhere.map(({ label, open }) => (
            <button key={label} type="button" class="lgviz-btn" onClick={open}>
              {label}
            </button>
          ))}
        </div>
      </Blank>
    </div>,
  );
}

/** Draws with the style of this build, in the page's theme. */
function draw(element: HTMLElement, name: string, children: ComponentChildren): () => void {
  const dark = signal(false);
  const endStyle = bringStyle(element);
  const endTheme = followTheme((now) => {
    dark.value = now;
  });
  const Themed = () => (
    <div
      class={`lgviz ${name}${dark.value ? " lgviz-dark" : ""}`}
      lang={locale()}
      dir={rightToLeft() ? "rtl" : "ltr"}
      style={{ height: "100%" }}
      data-lm-suppress-shortcuts="true"
    >
      {children}
    </div>
  );
  render(<Themed />, element);
  return () => {
    render(null, element);
    endStyle();
    endTheme();
  };
}

// One display of the debugger on any source.
import { signal } from "@preact/signals";
import { render } from "preact";
import { remembered } from "./lib/remembered";
import { language, readLanguage } from "./lib/words";
import { followLink, followTheme, poll } from "./notebook";
import type { EarlyThread, Source } from "./source/types";
import { type SharedModel, Store } from "./state/store";
import { ViewState } from "./state/view";
import { bringStyle } from "./style";
import { App } from "./view/app";

/** In pixels, where none is asked for; `Debugger` in Python says the same. */
const HEIGHT = 620;

export interface MountOptions {
  source: Source;
  shared?: SharedModel;
  threadId?: string | null;
  /** In pixels; null: all of its place. */
  height?: number | null;
  /** What is shown until the source answers. */
  early?: EarlyThread | null;
}

export interface Mounted {
  store: Store;
  view: ViewState;
  resize(height: number): void;
  dispose(): void;
}

export function mount(element: HTMLElement, options: MountOptions): Mounted {
  readLanguage();
  const store = new Store(options.source, options.shared);
  const endStyle = bringStyle(element);
  if (options.early) store.showEarly(options.early);
  const view = new ViewState(store);
  const height = signal(options.height === undefined ? HEIGHT : options.height);
  // A height that Python was asked for goes before one that was dragged elsewhere.
  if (height.value === HEIGHT) view.tall.value = remembered("height");
  const Sized = () => <App key={language.value} view={view} height={height.value} />;
  const endTheme = followTheme((dark) => {
    view.dark.value = dark;
  });
  render(<Sized />, element);
  const endPoll = poll(store, element);
  const endLink = followLink(store);
  void store.openThread(options.threadId ?? null);
  return {
    store,
    view,
    resize(to) {
      height.value = to;
    },
    dispose() {
      endPoll();
      endLink();
      endStyle();
      endTheme();
      render(null, element);
      view.dispose();
      store.dispose();
    },
  };
}

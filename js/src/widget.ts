// The bundle that loader.ts gets from the kernel: a display of the debugger for each view of the model.
import type { AnyModel, RenderProps } from "@anywidget/types";
import { effect } from "@preact/signals";
import { mount } from "./mount";
import { hideStatic } from "./notebook";
import type { Early } from "./protocol";
import { decodeEarly } from "./source/columns";
import { KernelSource, type MessageModel } from "./source/kernel";
import { type WatchedModel, watchKernel } from "./source/watch";
import type { Shared, SharedModel } from "./state/store";

interface Traits extends Shared {
  height: number;
  uid: string;
}

/** What the kernel said of the thread before it was asked, as it travels. */
export interface Opening {
  body: Early;
  buffers: DataView[];
}

function render({ model, el, opening }: RenderProps<Traits> & { opening: Opening | null }): () => void {
  const source = new KernelSource(model as unknown as MessageModel);
  const unwatch = watchKernel(model as unknown as WatchedModel, source);
  const mounted = mount(el, {
    source,
    shared: sharedOf(model),
    early: opening && decodeEarly(opening.body, opening.buffers),
    threadId: model.get("thread_id") ?? null,
    height: model.get("height") ?? 620,
  });
  // The static view gives place to a display that has something to show, or will have.
  let show = () => {};
  const endHiding = effect(() => {
    show();
    const empty = source.lost.value !== null && mounted.store.thread.value === null;
    show = empty ? () => {} : hideStatic(model.get("uid") ?? "");
    mounted.resize(empty ? 240 : model.get("height"));
  });
  const onHeight = () => {
    mounted.view.tall.value = null;
    mounted.resize(model.get("height"));
  };
  model.on("change:height", onHeight);
  return () => {
    model.off("change:height", onHeight);
    endHiding();
    show();
    unwatch();
    mounted.dispose();
  };
}

function sharedOf(model: AnyModel<Traits>): SharedModel {
  return {
    get: (name) => model.get(name) ?? null,
    set(name, value) {
      model.set(name, value);
      model.save_changes();
    },
    on(name, listener) {
      model.on(`change:${name}`, listener);
      return () => model.off(`change:${name}`, listener);
    },
  };
}

export default { render };

// The anywidget entry: a display of the debugger for each view of the model.
import type { AnyModel, RenderProps } from "@anywidget/types";
import { mount } from "./mount";
import { hideStatic } from "./notebook";
import { KernelSource, type MessageModel } from "./source/kernel";
import type { Shared, SharedModel } from "./state/store";

interface Traits extends Shared {
  height: number;
  uid: string;
}

function render({ model, el }: RenderProps<Traits>): () => void {
  const mounted = mount(el, {
    source: new KernelSource(model as unknown as MessageModel),
    shared: sharedOf(model),
    threadId: model.get("thread_id") ?? null,
    height: model.get("height") ?? 620,
  });
  const show = hideStatic(model.get("uid") ?? "");
  const onHeight = () => mounted.resize(model.get("height"));
  model.on("change:height", onHeight);
  return () => {
    model.off("change:height", onHeight);
    show();
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

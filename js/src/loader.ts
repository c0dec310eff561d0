// All of the debugger that a notebook saves with each widget: it gets the rest from the kernel that shows it.
//
// So a saved notebook stays small, and code and style are always those of the kernel's own version. The kernel sends
// the bundle as it makes the widget: a cell that is at work when the widget appears is not waited for.
import type { AnyModel, RenderProps } from "@anywidget/types";
import type { Opening } from "./widget";

interface Bundle {
  default: { render(props: RenderProps<never> & { opening: Opening | null }): () => void };
}

interface Message {
  lgviz?: string;
  event?: string;
  body?: unknown;
}

/** By stamp: what the displays on this page share. */
const bundles = shared();
/** How long the kernel may take to send the bundle before it is asked to: a widget of an older page is not sent one. */
const PATIENCE_MS = 400;

function shared(): Map<string, Promise<Bundle>> {
  const page = globalThis as { [key: symbol]: Map<string, Promise<Bundle>> | undefined };
  const name = Symbol.for("lgviz.bundles");
  page[name] ??= new Map();
  return page[name];
}

async function unpack(stamp: string, packed: DataView): Promise<Bundle> {
  const plain = new Blob([packed as BlobPart]).stream().pipeThrough(new DecompressionStream("gzip"));
  const code = await new Response(plain).text();
  if (!code.startsWith(`/* lgviz ${stamp} */`))
    throw new Error("The debugger's bundle is of another version.");
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    return await import(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Whether a kernel is behind the model; unknown to some front ends, and then taken to be so. */
async function isLive(model: AnyModel): Promise<boolean> {
  try {
    const inner = await model.widget_manager.get_model(model.get("uid"));
    return (inner as { comm_live?: boolean }).comm_live !== false;
  } catch {
    return true;
  }
}

/** One for each model: anywidget calls it. */
export default () => {
  let opening: Opening | null = null;
  let found: (bundle: Promise<Bundle>) => void;
  const bundle = new Promise<Bundle>((resolve) => {
    found = resolve;
  });
  return {
    // Returns at once: anywidget holds back the kernel's messages, the bundle too, until it has.
    initialize({ model }: { model: AnyModel }): void {
      const stamp: string = model.get("stamp");
      model.on("msg:custom", (message: Message, buffers: DataView[]) => {
        if (message?.event === "opening") opening = { body: message.body as Opening["body"], buffers };
        if (message?.lgviz !== "bundle") return;
        if (!bundles.has(stamp)) bundles.set(stamp, unpack(stamp, buffers[0] as DataView));
        found(bundles.get(stamp) as Promise<Bundle>);
      });
      const known = () => {
        const shared = bundles.get(stamp);
        if (shared) found(shared);
        return shared !== undefined;
      };
      known();
      // Meanwhile it may have come for another display: then the kernel need not send it again.
      const ask = () => {
        if (!known()) model.send({ lgviz: "bundle" });
      };
      model.on("comm_live_update", ask);
      setTimeout(ask, PATIENCE_MS);
    },
    async render(props: RenderProps): Promise<() => void> {
      const { model, el } = props;
      const waiting = setTimeout(async () => {
        if (!(await isLive(model))) el.append(lost());
      }, 2 * PATIENCE_MS);
      const { default: debugger_ } = await bundle;
      clearTimeout(waiting);
      el.replaceChildren();
      return debugger_.render({ ...(props as RenderProps<never>), opening });
    },
  };
};

/** What is shown where no kernel can send the debugger: beside it stands the static view. */
function lost(): HTMLElement {
  const line = document.createElement("p");
  line.dataset.testid = "lgviz-kernel-gone";
  line.setAttribute("role", "alert");
  line.style.cssText = "margin: 4px 0; font: 13px/1.45 system-ui, sans-serif; opacity: 0.8";
  line.textContent = "This debugger has no kernel: run the cell again to go on.";
  return line;
}

// Every text that any component draws goes through here: what hides in it is shown, in a quiet mark.
import { type ComponentChild, h, options, type VNode } from "preact";
import { pieces, visible } from "../../lib/visible";

/** What is read out or shown on hovering; a form's `value` stays as it is. */
const ATTRIBUTES = ["title", "aria-label", "placeholder"] as const;
/** Elements that hold text alone, and those of a drawing. */
const PLAIN = new Set(["option", "title", "text", "tspan"]);

type Props = Record<string, unknown> & { children?: unknown };

const before = options.vnode;
options.vnode = (vnode: VNode) => {
  if (typeof vnode.type === "string") show(vnode.type, vnode.props as Props);
  before?.(vnode);
};

function show(type: string, props: Props): void {
  for (const name of ATTRIBUTES) {
    const text = props[name];
    if (typeof text === "string") props[name] = visible(text);
  }
  const { children } = props;
  if (children === undefined) return;
  const draw = PLAIN.has(type) ? visible : marked;
  if (typeof children === "string") props.children = draw(children);
  else if (Array.isArray(children) && children.some(isText))
    props.children = children.map((each) => within(each, draw));
}

function within(child: unknown, draw: (text: string) => ComponentChild): unknown {
  if (typeof child === "string") return draw(child);
  return Array.isArray(child) && child.some(isText) ? child.map((each) => within(each, draw)) : child;
}

function isText(child: unknown): boolean {
  return typeof child === "string" || (Array.isArray(child) && child.some(isText));
}

function marked(text: string): ComponentChild {
  const found = pieces(text);
  if (found === null) return text;
  // One element: where the text stood alone in a row of boxes, it still does.
  return h(
    "bdi",
    null,
    found.map((piece, i) => (i % 2 === 1 ? h("span", { class: "lgviz-hidden" }, piece) : piece)),
  );
}

// What is used rarely, and what is being read.
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../lib/words";
import type { ViewState } from "../../state/view";
import { toClipboard } from "../ui/copy";
import { DotsIcon } from "../ui/icons";
import { useOutside } from "../ui/popup";

interface Item {
  name: string;
  key?: string;
  disabled?: boolean;
  act(): void;
}

export function Menu({ view }: { view: ViewState }) {
  const { store } = view;
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  useOutside(box, open, () => setOpen(false));
  useEffect(() => {
    if (open) list.current?.querySelector("button")?.focus({ preventScroll: true });
  }, [open]);
  const tree = store.tree.value;
  const nested = open && tree.inner.some((inner) => inner > 0);
  const copy = (text: string | undefined, what: string) => {
    if (text === undefined) return;
    void toClipboard(text, box.current).then((done) =>
      view.say(done ? `${what} copied` : "The clipboard is denied"),
    );
  };
  const items: Item[] = [
    { name: "Look for new checkpoints", act: () => void store.refresh() },
    { name: "Fold all subgraph steps", disabled: !nested, act: () => view.toggleAll(true) },
    { name: "Unfold all subgraph steps", disabled: !nested, act: () => view.toggleAll(false) },
    {
      name: t("Fold the other branches"),
      disabled: view.branches.value < 2,
      act: () => view.toggleBranches(true),
    },
    {
      name: t("Unfold all branches"),
      disabled: view.find.folded.value.size === 0,
      act: () => view.toggleBranches(false),
    },
    { name: "Copy the thread id", act: () => copy(store.thread.peek()?.thread_id, "Thread id") },
    { name: "Copy the checkpoint id", act: () => copy(store.selected.peek() ?? undefined, "Checkpoint id") },
    { name: "Keys", key: "?", act: () => (view.help.value = true) },
  ];
  const onKeyDown = (event: KeyboardEvent) => {
    const buttons = [...(list.current?.querySelectorAll<HTMLButtonElement>("button:not(:disabled)") ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === "ArrowDown") buttons[(at + 1) % buttons.length]?.focus();
    else if (event.key === "ArrowUp") buttons[(at - 1 + buttons.length) % buttons.length]?.focus();
    else if (event.key === "Escape") {
      setOpen(false);
      button.current?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="lgviz-menu" ref={box}>
      <button
        ref={button}
        type="button"
        class="lgviz-btn is-icon"
        aria-label="More actions"
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <DotsIcon />
      </button>
      {open && (
        <div class="lgviz-popup lgviz-items">
          <p class="lgviz-hint">{store.description.value}</p>
          <div ref={list} role="menu" tabIndex={-1} aria-label="More actions" onKeyDown={onKeyDown}>
            {items.map((item) => (
              <button
                key={item.name}
                type="button"
                role="menuitem"
                disabled={item.disabled}
                onClick={() => {
                  setOpen(false);
                  item.act();
                }}
              >
                {item.name}
                {item.key && <kbd>{item.key}</kbd>}
              </button>
            ))}
          </div>
        </div>
      )}
    </div>
  );
}

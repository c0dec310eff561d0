// A button of three dots with what is done rarely; arrow keys walk it.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { DotsIcon } from "./icons";
import { useOutside } from "./popup";

export interface MenuItem {
  name: string;
  key?: string;
  testid?: string;
  /** Why it cannot be done; null where it can. */
  reason?: string | null;
  hint?: string;
  /** Of an item that switches something: whether it is on. */
  checked?: boolean;
  act(): void;
}

interface Props {
  label: string;
  items: readonly MenuItem[];
  /** Above the items. */
  hint?: string;
  testid?: string;
  /** What an item opens in the menu's place. */
  children?: ComponentChildren;
  /** Told before it opens. */
  opening?: () => void;
}

export function DotsMenu({ label, items, hint, testid, children, opening }: Props) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  useOutside(box, open, () => setOpen(false));
  useLayoutEffect(() => {
    if (open) list.current?.querySelector("button")?.focus({ preventScroll: true });
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current?.focus({ preventScroll: true });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const buttons = [...(list.current?.querySelectorAll("button") ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === "ArrowDown") buttons[(at + 1) % buttons.length]?.focus();
    else if (event.key === "ArrowUp") buttons[(at - 1 + buttons.length) % buttons.length]?.focus();
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="lgviz-menu" ref={box}>
      <button
        ref={button}
        type="button"
        class="lgviz-btn is-icon"
        data-testid={testid}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => {
          if (!open) opening?.();
          setOpen(!open);
        }}
      >
        <DotsIcon />
      </button>
      {open && (
        <div class="lgviz-popup lgviz-items">
          {hint && <p class="lgviz-hint">{hint}</p>}
          <div ref={list} role="menu" tabIndex={-1} aria-label={label} onKeyDown={onKeyDown}>
            {items.map((item) => (
              <Item key={item.name} item={item} close={close} />
            ))}
          </div>
        </div>
      )}
      {children}
    </div>
  );
}

function roleOf({ checked }: MenuItem) {
  return checked === undefined
    ? { role: "menuitem" as const }
    : { role: "menuitemcheckbox" as const, "aria-checked": checked };
}

function Item({ item, close }: { item: MenuItem; close(): void }) {
  const { reason = null } = item;
  return (
    <button
      type="button"
      {...roleOf(item)}
      data-testid={item.testid}
      aria-disabled={reason !== null}
      aria-description={reason ?? undefined}
      title={reason ?? item.hint}
      onClick={() => {
        if (reason !== null) return;
        close();
        item.act();
      }}
    >
      {item.name}
      {item.checked && <span aria-hidden="true">✓</span>}
      {item.key && <kbd>{item.key}</kbd>}
    </button>
  );
}

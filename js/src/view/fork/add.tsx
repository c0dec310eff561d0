// The menu that adds a channel to a fork.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Draft, leftOut } from "../../lib/draft";
import { t } from "../../lib/words";
import type { ForkForm } from "../../protocol";
import { ChevronDown } from "../ui/icons";
import { useOutside } from "../ui/popup";

interface Props {
  form: ForkForm;
  draft: Draft;
  /** Null: the run's config. */
  add(channel: string | null): void;
}

export function AddChannel({ form, draft, add }: Props) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const left = leftOut(form, draft);
  useOutside(box, open, () => setOpen(false));
  useLayoutEffect(() => {
    if (open) box.current?.querySelector<HTMLElement>('[role="menuitem"]')?.focus({ preventScroll: true });
  }, [open]);
  if (left.length === 0 && draft.config) return null;
  const choose = (channel: string | null) => {
    setOpen(false);
    add(channel);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const items = [...(box.current?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    if (event.key === "ArrowDown") items[(at + 1) % items.length]?.focus();
    else if (event.key === "ArrowUp") items[(at - 1 + items.length) % items.length]?.focus();
    else if (event.key === "Escape") {
      setOpen(false);
      box.current?.querySelector("button")?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="lgviz-add-channel" ref={box}>
      <button
        type="button"
        class="lgviz-act"
        data-testid="lgviz-fork-add"
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {t("add a channel")} <ChevronDown />
      </button>
      {open && (
        <div
          class="lgviz-popup lgviz-items"
          role="menu"
          tabIndex={-1}
          aria-label={t("add a channel")}
          onKeyDown={onKeyDown}
        >
          {left.map((field) => (
            <button key={field.channel} type="button" role="menuitem" onClick={() => choose(field.channel)}>
              <span class="lgviz-mono">{field.channel}</span>
              <span class="lgviz-faint">{field.reducer ?? t("last value")}</span>
            </button>
          ))}
          {!draft.config && (
            <button type="button" role="menuitem" onClick={() => choose(null)}>
              <span class="lgviz-mono">configurable</span>
              <span class="lgviz-faint">{t("of the run's config")}</span>
            </button>
          )}
        </div>
      )}
    </div>
  );
}

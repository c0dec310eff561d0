// Opening and closing all values of a pane at once.
import { createContext } from "preact";
import { useContext, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { t } from "../../lib/words";
import { CollapseIcon, ExpandIcon } from "./icons";

/** Values that one click opens by asking for them: what a source holds may have no end. */
const ASKED = 40;

interface Expansion {
  /** What was clicked last; 0 clicks: each value is as it is by itself. */
  open: boolean;
  clicks: number;
  /** How many values may still be asked for. */
  room: { left: number };
}

export const Expanding = createContext<Expansion>({ open: false, clicks: 0, room: { left: 0 } });

/** The state of a pane; what is shown in it is named by `shown`. */
export function useExpanding(shown: string): [Expansion, toggle: () => void] {
  const [{ open, clicks }, set] = useState({ open: false, clicks: 0 });
  const expansion = useMemo(() => ({ open, clicks, room: { left: ASKED } }), [open, clicks, shown]);
  return [expansion, () => set({ open: !open, clicks: clicks + 1 })];
}

/** Whether a value is open: by itself, by a click on it, or with all others; `asks`: it is asked for then. */
export function useOpen(byItself: boolean, asks = false): [boolean, (open: boolean) => void] {
  const { open, clicks, room } = useContext(Expanding);
  const wanted = () => {
    if (!open || clicks === 0 || !asks) return open && clicks > 0;
    room.left -= 1;
    return room.left >= 0;
  };
  const [isOpen, setOpen] = useState(() => byItself || wanted());
  const seen = useRef(clicks);
  useLayoutEffect(() => {
    if (seen.current === clicks) return;
    seen.current = clicks;
    setOpen(open && (isOpen || wanted()));
  }, [clicks]);
  return [isOpen, setOpen];
}

export function ExpandAll({ open, toggle }: { open: boolean; toggle(): void }) {
  const word = open ? t("collapse all") : t("expand all");
  return (
    <button
      type="button"
      class="lgviz-link lgviz-expand"
      data-testid="lgviz-expand-all"
      title={word}
      aria-pressed={open}
      onClick={toggle}
    >
      {open ? <CollapseIcon /> : <ExpandIcon />}
      <span class="lgviz-word">{word}</span>
    </button>
  );
}

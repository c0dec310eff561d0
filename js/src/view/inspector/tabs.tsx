// The inspector's tabs: arrow keys, Home and End move between them.
import { useRef } from "preact/hooks";
import type { Tab } from "../../state/store";

export const TABS: readonly { tab: Tab; name: string }[] = [
  { tab: "state", name: "State" },
  { tab: "diff", name: "Diff" },
  { tab: "writes", name: "Writes" },
  { tab: "tasks", name: "Tasks" },
  { tab: "memory", name: "Memory" },
  { tab: "raw", name: "Raw" },
];

interface Props {
  id: string;
  tab: Tab;
  choose(tab: Tab): void;
  /** A word beside a tab's name. */
  extra: Partial<Record<Tab, string>>;
}

export function Tabs({ id, tab, choose, extra }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const at = TABS.findIndex((one) => one.tab === tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = TABS[(to + TABS.length) % TABS.length];
    if (!next) return;
    choose(next.tab);
    list.current?.querySelector<HTMLElement>(`[data-tab="${next.tab}"]`)?.focus();
  };
  return (
    <div ref={list} class="lgviz-tabs" role="tablist" aria-label="Checkpoint" onKeyDown={move}>
      {TABS.map((one) => (
        <button
          key={one.tab}
          type="button"
          role="tab"
          id={`${id}-${one.tab}`}
          data-tab={one.tab}
          data-testid={`lgviz-tab-${one.tab}`}
          aria-selected={one.tab === tab}
          aria-controls={`${id}-panel`}
          tabIndex={one.tab === tab ? 0 : -1}
          onClick={() => choose(one.tab)}
        >
          {one.name}
          {extra[one.tab] && <i>{extra[one.tab]}</i>}
        </button>
      ))}
    </div>
  );
}

// The inspector's tabs: arrow keys, Home and End move between them.

import type { ComponentChild } from "preact";
import { useRef } from "preact/hooks";
import { rightToLeft, t } from "../../lib/words";
import type { Tab } from "../../state/store";

const TABS: readonly Tab[] = ["state", "diff", "compare", "writes", "tasks", "why", "memory", "raw"];

function nameOf(tab: Tab): string {
  return {
    state: t("State"),
    diff: t("Diff"),
    compare: t("Compare"),
    writes: t("Writes"),
    tasks: t("Tasks"),
    why: t("Why"),
    memory: t("Memory"),
    raw: t("Raw"),
  }[tab];
}

interface Props {
  id: string;
  tab: Tab;
  choose(tab: Tab): void;
  /** A word beside a tab's name. */
  extra: Partial<Record<Tab, ComponentChild>>;
  /** Whether two branches are compared: without that there is no tab for it. */
  comparing: boolean;
}

export function Tabs({ id, tab, choose, extra, comparing }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const tabs = comparing ? TABS : TABS.filter((one) => one !== "compare");
  const move = (event: KeyboardEvent) => {
    const at = tabs.indexOf(tab);
    const on = rightToLeft() ? -1 : 1;
    const to = { ArrowRight: at + on, ArrowLeft: at - on, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = tabs[(to + tabs.length) % tabs.length];
    if (!next) return;
    choose(next);
    list.current?.querySelector<HTMLElement>(`[data-tab="${next}"]`)?.focus();
  };
  return (
    <div ref={list} class="lgviz-tabs" role="tablist" aria-label={t("Checkpoint")} onKeyDown={move}>
      {tabs.map((one) => (
        <button
          key={one}
          type="button"
          role="tab"
          id={`${id}-${one}`}
          data-tab={one}
          data-testid={`lgviz-tab-${one}`}
          aria-selected={one === tab}
          aria-controls={`${id}-panel`}
          tabIndex={one === tab ? 0 : -1}
          onClick={() => choose(one)}
        >
          {nameOf(one)}
          {extra[one] && <i> {extra[one]}</i>}
        </button>
      ))}
    </div>
  );
}

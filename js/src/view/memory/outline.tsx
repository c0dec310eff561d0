// The list of namespaces and items: rows of one height, only those in view in the DOM.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ago, fullTime, thousands } from "../../lib/format";
import { t } from "../../lib/words";
import type { MemoryChange } from "../../protocol";
import type { MemoryState } from "../../state/memory";
import { type Outline, type OutlineRow, refOf } from "../../state/outline";
import { useId } from "../ui/id";

export const MEMORY_ROW = 26;
const MARGIN = 6;

interface Props {
  state: MemoryState;
  changes: readonly MemoryChange[];
  at: string | null;
  /** There is room for an item beside the list: walking it shows each. */
  wide: boolean;
}

export function MemoryOutline({ state, changes, at, wide }: Props) {
  const uid = useId();
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(300);
  state.revision.value;
  const outline = state.outline.value;
  const total = outline?.count ?? 0;
  const from = Math.max(0, Math.min(Math.floor(top / MEMORY_ROW) - MARGIN, total - 1));
  const to = Math.min(total, Math.ceil((top + height) / MEMORY_ROW) + MARGIN);
  const cursor = Math.min(state.cursor.value, Math.max(0, total - 1));

  useLayoutEffect(() => {
    const element = box.current as HTMLDivElement;
    const measure = () => element.clientHeight > 0 && setHeight(element.clientHeight);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    if (state.focused) element.focus({ preventScroll: true });
    state.focused = false;
    return () => observer.disconnect();
  }, [state]);
  useEffect(() => {
    // Not while one scrolls past.
    const timer = setTimeout(() => void state.ensure(from, to), 30);
    return () => clearTimeout(timer);
  }, [state, outline, from, to]);

  useLayoutEffect(() => {
    const place = state.revealing === null || !outline ? -1 : outline.placeOf(state.revealing);
    const element = box.current;
    if (place < 0 || !element) return;
    state.revealing = null;
    state.cursor.value = place;
    const y = place * MEMORY_ROW;
    if (y < element.scrollTop || y + MEMORY_ROW > element.scrollTop + height) {
      element.scrollTop = y - height / 2;
    }
  }, [state, outline, state.revision.value]);

  const move = (place: number) => {
    const next = Math.max(0, Math.min(total - 1, place));
    state.cursor.value = next;
    const row = outline?.rowAt(next);
    if (wide && row?.kind === "item") state.choose(row.item.ref);
    const element = box.current;
    if (!element) return;
    const y = next * MEMORY_ROW;
    if (y < element.scrollTop) element.scrollTop = y;
    else if (y + MEMORY_ROW > element.scrollTop + height) element.scrollTop = y + MEMORY_ROW - height;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!outline || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!onKey(event.key, state, outline, cursor, move, Math.floor(height / MEMORY_ROW) - 1)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const rows = [];
  const kinds = new Map(changes.map((change) => [change.ref, change.kind]));
  for (let place = from; place < to; place++) {
    const row = outline?.rowAt(place);
    if (!row) continue;
    const ref = refOf(row);
    rows.push(
      <Row
        key={ref ?? `pending-${place}`}
        id={`${uid}-${place}`}
        row={row}
        flat={state.sought.value !== ""}
        chosen={ref !== null && ref === state.chosen.value}
        active={place === cursor}
        kind={at === null ? undefined : kinds.get(ref ?? "")}
        act={() => {
          state.cursor.value = place;
          if (row.kind === "item") state.choose(row.item.ref);
          else void state.toggle(place);
        }}
      />,
    );
  }
  return (
    <div
      ref={box}
      class="lgviz-memory-outline"
      role="tree"
      tabIndex={0}
      aria-label={t("Memory")}
      aria-busy={state.busy.value}
      aria-activedescendant={
        cursor >= from && cursor < to && outline?.rowAt(cursor) ? `${uid}-${cursor}` : undefined
      }
      data-testid="lgviz-memory-tree"
      data-count={total}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={onKeyDown}
    >
      {outline && total === 0 && (
        <p class="lgviz-empty">
          {state.sought.value !== ""
            ? t("Nothing found.")
            : at === null
              ? t("Nothing is remembered yet.")
              : t("Nothing was remembered then.")}
        </p>
      )}
      <div role="none" class="lgviz-memory-space" style={{ height: `${total * MEMORY_ROW}px` }}>
        <div
          role="none"
          class="lgviz-memory-window"
          style={{ transform: `translateY(${from * MEMORY_ROW}px)` }}
        >
          {rows}
        </div>
      </div>
    </div>
  );
}

function onKey(
  key: string,
  state: MemoryState,
  outline: Outline,
  cursor: number,
  move: (place: number) => void,
  page: number,
): boolean {
  const row = outline.rowAt(cursor);
  const places: Record<string, number> = {
    ArrowDown: cursor + 1,
    ArrowUp: cursor - 1,
    PageDown: cursor + page,
    PageUp: cursor - page,
    Home: 0,
    End: outline.count - 1,
  };
  const place = places[key];
  if (place !== undefined) move(place);
  else if (key === "ArrowRight" && row?.kind === "namespace") {
    if (row.expanded) move(cursor + 1);
    else void state.toggle(cursor);
  } else if (key === "ArrowLeft" && row) {
    if (row.kind === "namespace" && row.expanded) void state.toggle(cursor);
    else if (row.parent >= 0) move(row.parent);
  } else if ((key === "Enter" || key === " ") && row) {
    if (row.kind === "namespace") void state.toggle(cursor);
    else if (row.kind === "item") state.choose(row.item.ref);
  } else return false;
  return true;
}

interface RowProps {
  id: string;
  row: OutlineRow;
  /** A hit: its namespace is named, for none is above it. */
  flat: boolean;
  chosen: boolean;
  active: boolean;
  kind: MemoryChange["kind"] | undefined;
  act(): void;
}

function Row({ id, row, flat, chosen, active, kind, act }: RowProps) {
  const shared = {
    id,
    "aria-level": row.depth + 1,
    "aria-posinset": row.position + 1,
    "aria-setsize": row.size,
    style: { paddingInlineStart: `${8 + 14 * row.depth}px` },
  };
  const classes = `lgviz-memory-row${chosen ? " is-chosen" : ""}${active ? " is-active" : ""}`;
  if (row.kind === "pending") {
    return (
      <div {...shared} role="treeitem" tabIndex={-1} class={classes} aria-busy="true">
        <i class="lgviz-memory-pending" />
      </div>
    );
  }
  if (row.kind === "namespace") {
    const { label, items, ref } = row.namespace;
    return (
      // biome-ignore lint/a11y/useKeyWithClickEvents: the tree handles the keys.
      <div
        {...shared}
        role="treeitem"
        tabIndex={-1}
        class={`${classes} is-namespace`}
        data-testid="lgviz-memory-namespace"
        data-namespace={dotted(ref)}
        aria-expanded={row.expanded}
        aria-label={`${label}, ${thousands(items)}`}
        onClick={act}
      >
        <i class={row.expanded ? "lgviz-memory-fold is-open" : "lgviz-memory-fold"} aria-hidden="true" />
        <span class="lgviz-memory-label">{label}</span>
        <span class="lgviz-memory-count">{thousands(items)}</span>
      </div>
    );
  }
  const { item } = row;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree handles the keys.
    <div
      {...shared}
      role="treeitem"
      tabIndex={-1}
      class={`${classes} is-item`}
      data-testid="lgviz-memory-item"
      data-namespace={item.namespace.join(".")}
      data-key={item.key}
      data-ref={item.ref}
      aria-selected={chosen}
      aria-label={`${item.key}: ${item.summary}`}
      title={`${item.namespace.join(" › ")} › ${item.key}`}
      onClick={act}
    >
      <span class={`lgviz-memory-dot${kind ? ` is-${kind}` : ""}`} aria-hidden="true" />
      <span class="lgviz-memory-key">{item.key}</span>
      <span class="lgviz-memory-summary">{item.summary}</span>
      {flat && <span class="lgviz-memory-where">{item.namespace.join(" › ")}</span>}
      {item.score !== null ? (
        <span class="lgviz-memory-time" title={t("how near in meaning")}>
          {item.score.toFixed(2)}
        </span>
      ) : (
        <span class="lgviz-memory-time" title={fullTime(item.updated_at ?? Number.NaN)}>
          {ago(item.updated_at)}
        </span>
      )}
    </div>
  );
}

function dotted(ref: string): string {
  return (JSON.parse(ref) as string[]).join(".");
}

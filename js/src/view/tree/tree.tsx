// The tree: rows of fixed height, only those in view in the DOM.
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { t } from "../../lib/words";
import { Mark } from "../../protocol";
import { ROW_HEIGHT, type ViewState } from "../../state/view";
import { isBranch, type VisibleRows } from "../../state/visible";
import { useId } from "../ui/id";
import { BLOCK, LaneScale, Lanes } from "./lanes";
import { Row } from "./row";
import { Slots } from "./slots";

/** Rows rendered beyond each end of the view, and the grain in which the window moves. */
const MARGIN = 8;
const GRAIN = 4;

export function Tree({ view }: { view: ViewState }) {
  const { store } = view;
  const box = useRef<HTMLDivElement>(null);
  const uid = useId();
  // Scrolling moves the window only now and then, and only then renders.
  const from = useComputed(() => {
    const first = Math.floor(view.scroll.value / ROW_HEIGHT / GRAIN) * GRAIN - MARGIN;
    return Math.max(0, Math.min(first, view.visible.value.count - 1));
  });
  const size = useComputed(() => Math.ceil(view.height.value / ROW_HEIGHT) + 2 * MARGIN + GRAIN);

  useBox(view, box);
  useSkipped(box);
  useHold(view, box);
  useFollow(view, box);

  const revision = store.revision.value;
  const tree = store.tree.value;
  const visible = view.visible.value;
  const lanes = view.lanes.value;
  const selected = store.selectedRow.value;
  const compared = store.comparedRow.value;
  const ends: readonly string[] = (store.tab.value === "compare" && store.ends.value) || [];
  const future = view.future.value;
  const hits = view.search.rows.value;
  const marks = view.marks.value;
  const collapsed = view.collapsed.value;
  const fresh = view.fresh.value;
  const agents = store.agents.value;
  const filtered = view.find.kept.value !== null;
  const max = lanes.max;
  const scale = useMemo(() => new LaneScale(max), [max]);
  const start = from.value;
  const end = Math.min(visible.count, start + size.value);
  const origin = Math.floor(start / BLOCK) * BLOCK;
  const label = Math.max(34, tree.longestLabel * 7.4 + 8);
  const room = view.width.value - scale.width - label - 20;
  const rowId = (row: number) => `${uid}-${row}`;

  const slots = new Slots(size.value, visible.count);
  // Elements move in the page only once the window rests: then they follow each other as the rows do.
  const first = useSignal<number | null>(null);
  const rush = useRush(start, size.value);
  useRest(view, start, end, () => {
    first.value = slots.of(start);
    rush.end();
  });

  const chipTitle = t("show the checkpoints that changed it");
  const since = t("after its parent was stored");
  const rows = [];
  for (const position of slots.order(start, end, first.value ?? slots.of(start))) {
    const row = visible.rowAt(position);
    const id = tree.ids[row] as string;
    rows.push(
      <Row
        key={slots.of(position)}
        tree={tree}
        revision={revision}
        row={row}
        top={(position - origin) * ROW_HEIGHT}
        position={position}
        total={visible.count}
        rowId={rowId(row)}
        width={room}
        selected={row === selected}
        compared={row === compared || (row !== selected && ends.includes(id))}
        future={future[row] === 1}
        hit={hits.has(row)}
        fresh={row >= fresh}
        agent={agents.includes(id)}
        collapsed={collapsed.has(row)}
        inner={filtered ? 0 : (tree.inner[row] as number)}
        branch={filtered || !isBranch(tree, row) ? null : (visible.behind.get(row) ?? 0)}
        chipTitle={chipTitle}
        marks={marks.get(id)}
        watched={view.watching.at(row)}
        lean={rush.lean}
        since={since}
      />,
    );
  }
  const at = visible.positionOf(selected);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the root handles the keys, for all of the debugger.
    <div
      ref={box}
      class="lgviz-tree"
      role="tree"
      tabIndex={0}
      aria-label={t("Checkpoints, newest first")}
      aria-activedescendant={at >= start && at < end ? rowId(selected) : undefined}
      data-testid="lgviz-tree"
      onScroll={(event) => {
        view.scroll.value = event.currentTarget.scrollTop;
      }}
      onClick={(event) => onClick(view, event)}
    >
      <div role="none" class="lgviz-space" style={{ height: `${visible.count * ROW_HEIGHT}px` }}>
        <div
          role="none"
          class="lgviz-window"
          style={{
            transform: `translateY(${origin * ROW_HEIGHT}px)`,
            "--lgviz-gutter": `${scale.width}px`,
            "--lgviz-label": `${label}px`,
          }}
        >
          {rows}
          <Lanes
            tree={tree}
            visible={visible}
            lanes={lanes}
            scale={scale}
            from={start}
            to={end}
            origin={origin}
            slots={slots}
            lean={rush.lean}
          />
        </div>
      </div>
    </div>
  );
}

function onClick(view: ViewState, event: MouseEvent): void {
  if (!(event.target instanceof Element)) return;
  const middle = isMiddle(event);
  const fold = event.target.closest<HTMLElement>("[data-fold]");
  if (fold && !middle) {
    view.toggle(Number(fold.dataset.fold));
    return;
  }
  const branch = event.target.closest<HTMLElement>("[data-branch]");
  if (branch && !middle) {
    view.toggleBranch(Number(branch.dataset.branch));
    return;
  }
  const id = event.target.closest<HTMLElement>("[data-row]")?.dataset.checkpointId;
  if (id === undefined) return;
  if (event.ctrlKey || event.metaKey) view.store.compare(id);
  else view.store.select(id);
  const channel = event.target.closest<HTMLElement>("[data-channel]")?.dataset.channel;
  if (channel === undefined || event.ctrlKey || event.metaKey || middle) return;
  view.pinned = Number(event.target.closest<HTMLElement>("[data-row]")?.dataset.row);
  view.find.toggle({ kind: "channel", name: channel });
}

/** A script clicks a row in its very middle and means the row, whatever lies there. */
function isMiddle(event: MouseEvent): boolean {
  const box = (event.target as Element).closest("[data-row]")?.getBoundingClientRect();
  return box !== undefined && Math.abs(event.clientX - box.left - box.width / 2) <= 2;
}

/** Measures the box, and puts the scroll position back when the notebook attached the cell again. */
function useBox(view: ViewState, box: { current: HTMLDivElement | null }): void {
  useLayoutEffect(() => {
    const element = box.current as HTMLDivElement;
    const measure = () => {
      if (element.clientHeight === 0) return;
      view.height.value = element.clientHeight;
      view.width.value = element.clientWidth;
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [view, box]);
  useSignalEffect(() => {
    if (view.attached.value > 0 && box.current) box.current.scrollTop = view.scroll.peek();
  });
}

/** Lays the rows out anew when a cell that was out of view comes back. While JupyterLab skips a cell's content
 * (`content-visibility: auto`), Chromium gives no box to rows that are moved there, nor afterwards. */
function useSkipped(box: { current: HTMLDivElement | null }): void {
  useEffect(() => {
    const element = box.current as HTMLDivElement;
    const page = element.ownerDocument;
    const onChange = (event: Event) => {
      const { skipped, target } = event as ContentVisibilityAutoStateChangeEvent;
      const rows = element.querySelector<HTMLElement>(".lgviz-window");
      if (skipped || !rows || !(target as Node).contains(element)) return;
      rows.style.display = "none";
      void rows.offsetHeight;
      rows.style.display = "";
    };
    page.addEventListener("contentvisibilityautostatechange", onChange, true);
    return () => page.removeEventListener("contentvisibilityautostatechange", onChange, true);
  }, [box]);
}

/** Keeps the rows that are looked at in place when others come or go above them. */
function useHold(view: ViewState, box: { current: HTMLDivElement | null }): void {
  const before = useRef<VisibleRows | null>(null);
  const visible = view.visible.value;
  useLayoutEffect(() => {
    const old = before.current;
    before.current = visible;
    const element = box.current;
    const { pinned } = view;
    view.pinned = -1;
    if (!element || !old || old === visible) return;
    const scroll = view.scroll.peek();
    // At the top one watches what comes.
    if (pinned < 0 && scroll < ROW_HEIGHT / 2) return;
    const held = pinned >= 0 ? pinned : old.rowAt(Math.floor(scroll / ROW_HEIGHT));
    const was = old.positionOf(held);
    const is = visible.positionOf(held);
    if (was < 0 || is < 0 || was === is) return;
    element.scrollTop = scroll + (is - was) * ROW_HEIGHT;
    view.scroll.value = element.scrollTop;
  }, [view, visible, box]);
}

/** Brings a new selection into view, and keeps the selection there when the view gets lower. */
function useFollow(view: ViewState, box: { current: HTMLDivElement | null }): void {
  const { store } = view;
  const selected = store.selectedRow.value;
  const tree = store.tree.value;
  const height = view.height.value;
  const ready = height > 0;
  // Only a new selection moves the view, not a new row.
  useLayoutEffect(() => {
    if (box.current && ready) bringIntoView(view, box.current, selected);
  }, [tree, selected, ready]);
  // Without a filter that hid it, the selection is where it was left; with one, beside what is shown.
  const filtered = view.find.kept.value !== null;
  const kept = useRef(filtered);
  useLayoutEffect(() => {
    const was = kept.current;
    kept.current = filtered;
    if (was && !filtered && box.current) bringIntoView(view, box.current, store.selectedRow.peek());
  }, [filtered]);
  const before = useRef(height);
  useLayoutEffect(() => {
    const was = before.current;
    before.current = height;
    const row = store.selectedRow.peek();
    const y = view.visible.peek().positionOf(row) * ROW_HEIGHT - view.scroll.peek();
    if (box.current && height < was && y >= 0 && y < was) bringIntoView(view, box.current, row);
  }, [height]);
}

/** To the edge if it is near, to the middle if it is far. */
function bringIntoView(view: ViewState, element: HTMLElement, row: number): void {
  const position = view.visible.peek().positionOf(row);
  if (position < 0) return;
  const height = view.height.peek();
  const scroll = element.scrollTop;
  const y = position * ROW_HEIGHT;
  if (y >= scroll && y + ROW_HEIGHT <= scroll + height) return;
  const near = y > scroll - 3 * ROW_HEIGHT && y < scroll + height + 2 * ROW_HEIGHT;
  const edge = y < scroll ? y : y + ROW_HEIGHT - height;
  element.scrollTop = near ? edge : y - (height - ROW_HEIGHT) / 2;
  view.scroll.value = element.scrollTop;
}

/** Whether rows are rushed past: the window moves on so far that no row stays, again and again without a rest, as
 * where the scroll bar is dragged. One such leap, as to a hit of the search, is none. */
function useRush(start: number, size: number): { lean: boolean; end: () => void } {
  const again = useSignal(0);
  again.value; // drawn anew where a rush ends
  const last = useRef({ start, rests: true, lean: false }).current;
  if (start !== last.start) {
    last.lean = !last.rests && Math.abs(start - last.start) >= size;
    last.start = start;
    last.rests = false;
  }
  const end = () => {
    last.rests = true;
    if (!last.lean) return;
    last.lean = false;
    again.value += 1;
  };
  return { lean: last.lean, end };
}

/** Once the window rests: puts it in order, and asks for the words of its marks. */
function useRest(view: ViewState, start: number, end: number, settle: () => void): void {
  const revision = view.store.revision.value;
  const visible = view.visible.value;
  // A new revision may bring new marks.
  useEffect(() => {
    const timer = setTimeout(() => {
      settle();
      const tree = view.store.tree.peek();
      const rows: number[] = [];
      for (let position = start; position < end; position++) {
        const row = visible.rowAt(position);
        if ((tree.flags[row] as number) & (Mark.INTERRUPT | Mark.ERROR | Mark.NOTE)) rows.push(row);
      }
      void view.askMarks(rows);
    }, 40);
    return () => clearTimeout(timer);
  }, [view, visible, start, end, revision]);
}

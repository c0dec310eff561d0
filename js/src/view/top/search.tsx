// The search over all checkpoints and the list of its hits.

import { useEffect, useRef, useState } from "preact/hooks";
import { thousands } from "../../lib/format";
import { t, tn } from "../../lib/words";
import type { SearchHit } from "../../protocol";
import type { ViewState } from "../../state/view";
import { titleOf } from "../tree/row";
import { CloseIcon, SearchIcon } from "../ui/icons";
import { useId } from "../ui/id";
import { ListOption } from "../ui/option";
import { useOutside } from "../ui/popup";

/** As many hits as one reads; more are on the minimap. */
const SHOWN = 200;
const PAUSE = 250;

export function SearchBox({ view }: { view: ViewState }) {
  const { search, store } = view;
  const [text, setText] = useState("");
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const listId = useId();
  const hits = search.hits.value;
  const searching = search.query.value !== "";
  const shown = open && searching;
  const unasked = store.lost.value !== null && search.total.value === 0;
  useOutside(box, open, () => setOpen(false));
  useEffect(() => {
    if (text === search.query.peek()) return;
    const timer = setTimeout(() => void search.start(text), PAUSE);
    return () => clearTimeout(timer);
  }, [text, search]);
  const choose = (hit: SearchHit | undefined) => {
    if (!hit) return;
    view.find.showHit(hit);
    setOpen(false);
  };
  const clear = () => {
    search.clear();
    setText("");
    setOpen(false);
    setActive(0);
  };
  const last = Math.min(hits.length, SHOWN) - 1;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") {
      if (open) setActive(Math.min(last, active + 1));
      setOpen(true);
    } else if (event.key === "ArrowUp") setActive(Math.max(0, active - 1));
    else if (event.key === "Enter") {
      if (text !== search.query.peek()) void search.start(text);
      else if (open) choose(hits[active]);
      else setOpen(true);
    } else if (event.key === "Escape") {
      if (text === "") view.focusTree();
      clear();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="lgviz-search" ref={box}>
      <div class="lgviz-searchfield">
        <SearchIcon />
        <input
          ref={field}
          type="text"
          role="combobox"
          data-testid="lgviz-search"
          placeholder={t("Search states, nodes, messages in all checkpoints…")}
          aria-label={t("Search all checkpoints")}
          aria-expanded={shown}
          aria-controls={shown ? listId : undefined}
          aria-autocomplete="list"
          aria-activedescendant={shown && active <= last ? `${listId}-${active}` : undefined}
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setActive(0);
            setOpen(true);
          }}
          onFocus={() => searching && setOpen(true)}
          onKeyDown={onKeyDown}
        />
        {searching ? (
          <>
            <span class="lgviz-faint lgviz-num">{unasked ? "" : summary(search)}</span>
            <button type="button" class="lgviz-bare" aria-label={t("Clear the search")} onClick={clear}>
              <CloseIcon />
            </button>
          </>
        ) : (
          <kbd>/</kbd>
        )}
      </div>
      {searching && search.busy.value && <Bar done={search.done.value} total={search.total.value} />}
      {shown && (
        <div class="lgviz-popup lgviz-hits">
          <div id={listId} class="lgviz-options" role="listbox" aria-label={t("Hits")} tabIndex={-1}>
            {hits.slice(0, SHOWN).map((hit, index) => (
              <Hit
                key={`${hit.id} ${hit.where}`}
                id={`${listId}-${index}`}
                view={view}
                hit={hit}
                active={index === active}
                choose={() => choose(hit)}
                point={() => setActive(index)}
              />
            ))}
            {hits.length === 0 && (
              <p class="lgviz-hint">
                {search.busy.value
                  ? t("Searching…")
                  : unasked
                    ? view.store.source.answers === "server"
                      ? t("A search needs the Jupyter server.")
                      : t("A search needs the kernel.")
                    : t("Nothing found.")}
              </p>
            )}
          </div>
          <div class="lgviz-foot lgviz-faint">
            <span>
              {unasked
                ? ""
                : search.busy.value || search.more.value
                  ? tn(
                      "{done} of {n} checkpoint searched",
                      "{done} of {n} checkpoints searched",
                      search.total.value,
                      {
                        done: thousands(search.done.value),
                      },
                    )
                  : tn("{n} checkpoint searched", "{n} checkpoints searched", search.total.value)}
              {hits.length > SHOWN &&
                ` · ${t("{n} of {hits} listed, the others on the left edge", { n: SHOWN, hits: found(search) })}`}
            </span>
            <span>{t("Esc ends")}</span>
          </div>
        </div>
      )}
    </div>
  );
}

function summary(search: ViewState["search"]): string {
  const hits = search.hits.value.length;
  return hits === 0 && search.busy.value ? "…" : found(search);
}

/** `7 hits`; where the search ended at its limit, `the first 2,000 hits`. */
function found(search: ViewState["search"]): string {
  const n = search.hits.value.length;
  return search.more.value ? tn("the first {n} hit", "the first {n} hits", n) : tn("{n} hit", "{n} hits", n);
}

function Bar({ done, total }: { done: number; total: number }) {
  const share = total > 0 ? done / total : 0;
  return (
    <div
      class="lgviz-progress"
      role="progressbar"
      aria-label={t("Search")}
      aria-valuenow={Math.round(share * 100)}
    >
      <i style={{ transform: `scaleX(${share})` }} />
    </div>
  );
}

/** Line breaks as spaces, and none of the spaces lost beside the match. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").replace(/^ | $/g, "\u00a0");
}

interface HitProps {
  id: string;
  view: ViewState;
  hit: SearchHit;
  active: boolean;
  choose(): void;
  point(): void;
}

function Hit({ id, view, hit, active, choose, point }: HitProps) {
  const tree = view.store.tree.value;
  return (
    <ListOption
      id={id}
      active={active}
      kind="lgviz-hit"
      data-testid="lgviz-search-hit"
      data-checkpoint-id={hit.id}
      aria-selected={active}
      choose={choose}
      point={point}
    >
      <span class="lgviz-label">{tree.labels[hit.row] ?? ""}</span>
      <span class="lgviz-hit-node">{hit.row < tree.length && titleOf(tree, hit.row)[0]}</span>
      <span class="lgviz-chip">{hit.where}</span>
      <span class="lgviz-hit-text" dir="auto">
        <span>
          <bdi>{oneLine(hit.before)}</bdi>
        </span>
        <mark>{oneLine(hit.match)}</mark>
        <span>{oneLine(hit.after)}</span>
      </span>
    </ListOption>
  );
}

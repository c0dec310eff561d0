// The filter control beside the search: what rows can be told apart by, as a list to choose from.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { thousands } from "../../lib/format";
import { t } from "../../lib/words";
import { type Offer, offers } from "../../state/filter";
import type { ViewState } from "../../state/view";
import { CheckIcon, FilterIcon } from "../ui/icons";
import { useId } from "../ui/id";
import { ListOption } from "../ui/option";
import { useOutside } from "../ui/popup";
import { facetName, kindName } from "./names";

/** As many as one looks through; more by their names. */
const SHOWN = 60;

export function FilterControl({ view }: { view: ViewState }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const leave = () => {
    setOpen(false);
    button.current?.focus({ preventScroll: true });
  };
  useOutside(box, open, () => setOpen(false));
  return (
    <div class="lgviz-filter" ref={box}>
      <button
        ref={button}
        type="button"
        class="lgviz-btn"
        data-testid="lgviz-filter"
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-pressed={view.find.facets.value.length > 0}
        aria-keyshortcuts="v"
        title={t("Show only some checkpoints: by node, channel, mark or branch")}
        onClick={() => setOpen(!open)}
      >
        <FilterIcon />
        {t("Filter")}
      </button>
      {open && <Offers view={view} leave={leave} />}
    </div>
  );
}

function Offers({ view, leave }: { view: ViewState; leave(): void }) {
  const { store, find } = view;
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const tree = store.tree.value;
  // Counted when it opens; what comes meanwhile is counted the next time.
  const [all] = useState(() => offers(tree));
  // At once: what is typed right after the key that opened this is for the field.
  useLayoutEffect(() => field.current?.focus({ preventScroll: true }), []);
  const asked = query.trim().toLowerCase();
  const found = all.filter((offer) => facetName(tree, offer).toLowerCase().includes(asked));
  const shown = found.slice(0, SHOWN);
  const last = shown.length - 1;
  const toggle = (offer: Offer | undefined) => offer && find.toggle({ kind: offer.kind, name: offer.name });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setActive(Math.min(last, active + 1));
    else if (event.key === "ArrowUp") setActive(Math.max(0, active - 1));
    else if (event.key === "Enter") toggle(shown[active]);
    else if (event.key === "Escape") leave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="lgviz-popup lgviz-offers" role="dialog" aria-label={t("Filter")}>
      <input
        ref={field}
        type="text"
        role="combobox"
        placeholder={t("Node, channel, mark, branch…")}
        aria-label={t("Filter by")}
        aria-expanded="true"
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={last >= active ? `${id}-${active}` : undefined}
        autocomplete="off"
        spellcheck={false}
        value={query}
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          setActive(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div
        id={id}
        class="lgviz-options"
        role="listbox"
        aria-multiselectable="true"
        aria-label={t("Filter by")}
        tabIndex={-1}
      >
        {shown.map((offer, i) => (
          <Option
            key={`${offer.kind} ${offer.name}`}
            id={`${id}-${i}`}
            offer={offer}
            name={facetName(tree, offer)}
            chosen={find.has(offer)}
            active={i === active}
            choose={() => toggle(offer)}
            point={() => setActive(i)}
          />
        ))}
        {shown.length === 0 && <p class="lgviz-hint">{t("Nothing is called so.")}</p>}
        {found.length > SHOWN && (
          <p class="lgviz-hint">{t("{n} more: type to narrow", { n: thousands(found.length - SHOWN) })}</p>
        )}
      </div>
    </div>
  );
}

interface OptionProps {
  id: string;
  offer: Offer;
  name: string;
  chosen: boolean;
  active: boolean;
  choose(): void;
  point(): void;
}

function Option({ id, offer, name, chosen, active, choose, point }: OptionProps) {
  return (
    <ListOption
      id={id}
      active={active}
      data-kind={offer.kind}
      aria-selected={chosen}
      choose={choose}
      point={point}
    >
      <span class="lgviz-offer-check">{chosen && <CheckIcon />}</span>
      <span class="lgviz-mute lgviz-offer-kind">{kindName(offer.kind)}</span>
      <span class="lgviz-offer-name" title={name}>
        {name}
      </span>
      {offer.rows > 0 && <span class="lgviz-mute lgviz-num">{thousands(offer.rows)}</span>}
    </ListOption>
  );
}

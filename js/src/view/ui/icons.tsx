// Line icons, drawn here: no icon font, no network.
import type { ComponentChildren } from "preact";

function Icon({ children, size = 14 }: { children: ComponentChildren; size?: number }) {
  return (
    <svg
      class="lgviz-icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const SearchIcon = () => (
  <Icon>
    <circle cx="7" cy="7" r="4.2" />
    <path d="M10.2 10.2 13.5 13.5" />
  </Icon>
);

export const FilterIcon = () => (
  <Icon>
    <path d="M2.5 4h11M4.5 8h7M6.5 12h3" />
  </Icon>
);

/** Marks beside lines. */
export const OriginIcon = () => (
  <Icon>
    <path d="M3 3v4M3 9v4M6.5 4h7M6.5 8h7M6.5 12h7" />
  </Icon>
);

/** An eye. */
export const WatchIcon = () => (
  <Icon>
    <path d="M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8ZM8 6a2 2 0 1 0 0 4 2 2 0 0 0 0-4Z" />
  </Icon>
);

/** A box of dashes: what is in it is not stored yet. */
export const BoxIcon = () => (
  <Icon>
    <rect x="2.5" y="2.5" width="11" height="11" rx="2.5" stroke-dasharray="2.6 2" />
  </Icon>
);

export const ChevronDown = () => (
  <Icon size={12}>
    <path d="M4 6.2 8 10.2 12 6.2" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon size={12}>
    <path d="M4 4 12 12M12 4 4 12" />
  </Icon>
);

export const DotsIcon = () => (
  <Icon>
    <path d="M3.5 8h.01M8 8h.01M12.5 8h.01" stroke-width="2.4" />
  </Icon>
);

export const GraphIcon = () => (
  <Icon>
    <circle cx="3.6" cy="8" r="1.8" />
    <circle cx="12.4" cy="3.8" r="1.8" />
    <circle cx="12.4" cy="12.2" r="1.8" />
    <path d="M5.3 7.2 10.7 4.6M5.3 8.8 10.7 11.4" />
  </Icon>
);

export const StartIcon = () => (
  <Icon>
    <path d="M8 3.2v9.6M3.2 8h9.6" />
  </Icon>
);

export const CheckIcon = () => (
  <Icon size={12}>
    <path d="M3.2 8.6 6.6 12 12.8 4.6" />
  </Icon>
);

/** A tree without checkpoints. */
export const EmptyIcon = () => (
  <Icon size={28}>
    <circle cx="5" cy="3.5" r="1.6" />
    <circle cx="5" cy="12.5" r="1.6" />
    <circle cx="11.5" cy="7" r="1.6" />
    <path d="M5 5.1v5.8M5 10c0-2 4.9-1 4.9-3" stroke-dasharray="1.5 2" />
  </Icon>
);

export const WarningIcon = () => (
  <Icon size={24}>
    <path d="M8 2.4 14.3 13.4H1.7Z" />
    <path d="M8 6.6v3M8 11.5v.1" />
  </Icon>
);

/** A store with nothing in it. */
export const MemoryIcon = () => (
  <Icon size={28}>
    <ellipse cx="8" cy="3.8" rx="5" ry="1.9" />
    <path d="M3 3.8v8.4c0 1 2.2 1.9 5 1.9s5-.9 5-1.9V3.8" />
    <path d="M3 8c0 1 2.2 1.9 5 1.9s5-.9 5-1.9" stroke-dasharray="1.5 2" />
  </Icon>
);

export const PencilIcon = () => (
  <Icon size={12}>
    <path d="M3 13l.6-2.8 7-7a1.2 1.2 0 0 1 1.7 0l.5.5a1.2 1.2 0 0 1 0 1.7l-7 7Z" />
  </Icon>
);

export const SourceIcon = () => (
  <Icon>
    <path d="M5.4 4.2 1.8 8l3.6 3.8M10.6 4.2 14.2 8l-3.6 3.8" />
  </Icon>
);

export const ExpandIcon = () => (
  <Icon>
    <path d="M5 5.3 8 2.3l3 3M5 10.7l3 3 3-3M3 8h10" />
  </Icon>
);

export const CollapseIcon = () => (
  <Icon>
    <path d="M5 2.3l3 3 3-3M5 13.7l3-3 3 3M3 8h10" />
  </Icon>
);

export const MaximiseIcon = () => (
  <Icon>
    <path d="M9.5 3H13v3.5M13 3 9 7M6.5 13H3V9.5M3 13l4-4" />
  </Icon>
);

// The pencil beside a value: edits it in a fork.
import type { Part } from "../../lib/parts";
import { t } from "../../lib/words";
import { PencilIcon } from "./icons";

/** Edits the part of a channel's value at a path of child positions. */
export type Edit = (path: readonly number[]) => void;

interface Props {
  /** Absent where nothing can be edited: then there is no pencil. */
  edit: Edit | undefined;
  path: readonly number[];
  name: string;
  /** There is room for a word. */
  wide?: boolean;
}

export function EditButton({ edit, path, name, wide = false }: Props) {
  if (!edit) return null;
  return (
    <button
      type="button"
      class={`lgviz-copy lgviz-edit${wide ? " is-wide" : ""}`}
      data-testid="lgviz-edit"
      data-path={path.join(".")}
      aria-label={t("Edit {name} in a fork", { name })}
      title={t("Edit {name} in a fork", { name })}
      onClick={(event) => {
        event.stopPropagation();
        edit(path);
      }}
    >
      <PencilIcon />
      {wide && t("edit & fork")}
    </button>
  );
}

/** Gives the focus back to the pencil that a fork began at; false where it is not shown. */
export function focusPencil(near: Element | null, part: Part): boolean {
  const pencil = `[data-channel=${JSON.stringify(part.channel)}] [data-testid="lgviz-edit"][data-path="${part.path.join(".")}"]`;
  const target = near?.querySelector<HTMLElement>(`.lgviz-reading ${pencil}`);
  // It can have the focus once it is drawn again.
  if (target) requestAnimationFrame(() => target.focus({ preventScroll: true }));
  return Boolean(target);
}

// What conditions of the filter are called.
import { t } from "../../lib/words";
import type { Facet, FacetKind } from "../../state/filter";
import type { TreeModel } from "../../state/tree";

export function kindName(kind: FacetKind): string {
  return { channel: t("changed"), node: t("node"), mark: t("mark"), branch: t("branch") }[kind];
}

export function facetName(tree: TreeModel, { kind, name }: Facet): string {
  if (kind === "branch") return t("to {label}", { label: tree.labels[tree.rowOf(name)] ?? name });
  if (kind !== "mark") return name;
  const marks: Readonly<Record<string, string>> = {
    error: t("a task failed"),
    question: t("asked a question"),
    update: t("updates and forks"),
    note: t("notes"),
    input: t("inputs"),
  };
  return marks[name] ?? name;
}

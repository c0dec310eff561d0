// The gutter of the State tab: beside each part the checkpoint and the node that set it; a click goes there.
import { type ComponentChildren, createContext } from "preact";
import { useContext, useMemo } from "preact/hooks";
import { t } from "../../lib/words";
import type { BlamePart, BlameView, CheckpointView } from "../../protocol";
import { labelOf, type Store } from "../../state/store";
import { useAsk } from "../ui/ask";
import { OriginIcon } from "../ui/icons";
import { Here } from "./here";

/** The marks of one channel of a checkpoint. */
interface Marks {
  of: string;
  channel: string;
  steps: BlameView["steps"];
  parts: ReadonlyMap<string, BlamePart>;
  /** Texts that are told of line by line. */
  lined: ReadonlySet<string>;
}

const Marked = createContext<Marks | null>(null);

/** Who set the parts of a state, by channel; null: one does not look at that. */
export function useOrigins(view: CheckpointView, store: Store): ReadonlyMap<string, Marks> | null {
  const here = useContext(Here);
  const on = here?.gutter.value ?? false;
  const { data } = useAsk(store.source, "blame_get", on ? { checkpoint: view.id } : null);
  return useMemo(() => (on && data ? byChannel(view.id, data) : null), [on, data, view.id]);
}

function byChannel(of: string, { steps, parts }: BlameView): Map<string, Marks> {
  const found = new Map<string, { parts: Map<string, BlamePart>; lined: Set<string> }>();
  for (const part of parts) {
    const marks = found.get(part.channel) ?? { parts: new Map(), lined: new Set() };
    found.set(part.channel, marks);
    marks.parts.set(keyOf(part.path, part.line), part);
    if (part.line !== null) marks.lined.add(keyOf(part.path, null));
  }
  return new Map([...found].map(([channel, marks]) => [channel, { of, channel, steps, ...marks }]));
}

function keyOf(path: readonly number[], line: number | null): string {
  return line === null ? path.join() : `${path.join()}:${line}`;
}

/** A channel with its marks, or without. */
export function InGutter({ marks, children }: { marks: Marks | undefined; children: ComponentChildren }) {
  return <Marked.Provider value={marks ?? null}>{children}</Marked.Provider>;
}

/** What holds no part of the state: what is in it has no marks. */
export function Unmarked({ children }: { children: ComponentChildren }) {
  return <Marked.Provider value={null}>{children}</Marked.Provider>;
}

/** Whether the text at a path has a mark for each of its lines. */
export function useLined(path: readonly number[]): boolean {
  return useContext(Marked)?.lined.has(keyOf(path, null)) ?? false;
}

interface OriginProps {
  path: readonly number[];
  line?: number | null;
}

/** The mark of a part: its checkpoint and node; of what is as the part around it, a line. */
export function Origin({ path, line = null }: OriginProps) {
  const marks = useContext(Marked);
  const here = useContext(Here);
  if (marks === null || here === null) return null;
  const own = marks.parts.get(keyOf(path, line));
  const part = own ?? around(marks, path);
  if (part === undefined) return null;
  const step = marks.steps[part.step];
  const hue = { "--hue": step ? `var(--l${hueOf(step.nodes[0] ?? "")})` : "var(--line)" };
  if (own === undefined) return <span class="lgviz-origin is-rest" style={hue} aria-hidden="true" />;
  if (step === undefined)
    return (
      <span
        class="lgviz-origin"
        style={hue}
        data-testid="lgviz-origin"
        title={t("older than what is stored")}
      >
        <span>{t("older")}</span>
      </span>
    );
  const nodes = step.nodes.join(" + ");
  const mine = step.id === marks.of;
  // Of parts in a row that one step set, the first says so.
  const before = line === null ? [...path.slice(0, -1), (path.at(-1) ?? 0) - 1] : path;
  const follows = marks.parts.get(keyOf(before, line === null ? null : line - 1))?.step === part.step;
  const who = nodes === "" ? step.label : `${step.label} · ${nodes}`;
  const since = part.made ? "" : `, ${t("there since {label}", { label: part.first ?? t("older") })}`;
  const doubt = part.sure ? "" : t("or by a step before it, which cannot be read");
  const goes = !mine ? t("click: go there") : part.made ? "" : t("click: what was before");
  return (
    <button
      type="button"
      class={`lgviz-origin${mine ? " is-mine" : ""}${follows ? " is-again" : ""}`}
      style={hue}
      data-testid="lgviz-origin"
      data-label={step.label}
      aria-label={`${t("Set by {who}", { who })}${since}`}
      title={[`${t("Set by {who}", { who })}${since}`, doubt, goes].filter(Boolean).join("\n")}
      aria-disabled={goes === ""}
      onClick={() =>
        goes &&
        here.find.land({ of: marks.of, channel: marks.channel, path: [...path], line }, mine ? null : step.id)
      }
    >
      <b>{step.label}</b>
      <span>{nodes}</span>
    </button>
  );
}

/** What the part around says, of a part that is not told of by itself. */
function around({ parts }: Marks, path: readonly number[]): BlamePart | undefined {
  for (let end = path.length; end >= 0; end--) {
    const found = parts.get(keyOf(path.slice(0, end), null));
    if (found) return found;
  }
  return undefined;
}

/** A node keeps its color. */
function hueOf(node: string): number {
  let sum = 0;
  for (const character of node) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 997;
  return sum % 6;
}

/** Since when a channel is what it is, where another checkpoint set it. */
export function Since({ channel, of, store }: { channel: string; of: string; store: Store }) {
  const here = useContext(Here);
  const marked = useContext(Marked);
  if (here === null || marked !== null) return null;
  const tree = store.tree.value;
  const row = tree.rowOf(of);
  const last = here.find.branch.value.changesOf(channel).findLast((each) => each <= row) ?? -1;
  if (last < 0 || last === row) return null;
  const id = tree.ids[last] as string;
  const who = [labelOf(store, id), [...new Set(tree.titles[last])].join(" + ")].filter(Boolean).join(" · ");
  return (
    <button
      type="button"
      class="lgviz-link lgviz-since"
      data-testid="lgviz-origin"
      data-label={labelOf(store, id)}
      title={t("Go to where {channel} was set", { channel })}
      onClick={() => here.find.land({ of, channel, path: [], line: null }, id)}
    >
      {t("since {who}", { who })}
    </button>
  );
}

export function GutterSwitch() {
  const here = useContext(Here);
  if (here === null) return null;
  const on = here.gutter.value;
  return (
    <button
      type="button"
      class="lgviz-link"
      data-testid="lgviz-gutter"
      aria-pressed={on}
      title={t("Beside each part: the checkpoint and the node that set it")}
      onClick={() => (here.gutter.value = !on)}
    >
      <OriginIcon />
      <span class="lgviz-word">{on ? t("hide origins") : t("show origins")}</span>
    </button>
  );
}

// How a checkpoint came to be, in sentences that are read aloud: under the inspector's head, and on a projector.
import type { ComponentChild } from "preact";
import { useContext } from "preact/hooks";
import { t, told } from "../../lib/words";
import type { ToldHole, ToldSentence } from "../../protocol";
import type { Store } from "../../state/store";
import { Here } from "../find/here";
import { Go } from "../inspector/why";
import { useAsk } from "../ui/ask";

interface Props {
  store: Store;
  checkpoint: string;
  /** Changes with what is known of the checkpoint's next step. */
  version: string;
}

/** The sentences of the selection, where one wants to be told. */
export function Narration({ store, checkpoint, version }: Props) {
  const here = useContext(Here);
  const on = here?.narrating.value ?? false;
  const asked = useAsk(store.source, "narration_get", on ? { checkpoint } : null, version);
  if (!on || !(asked.data || asked.error)) return null;
  return (
    <section
      class="lgviz-narration"
      data-testid="lgviz-narration"
      aria-label={t("Narration")}
      aria-busy={asked.pending}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what may scroll is reached by the keys.
      tabIndex={0}
    >
      {asked.error ? (
        asked.error.message
      ) : (
        <Sentences store={store} sentences={tellable(store, asked.data ?? [])} />
      )}
    </section>
  );
}

/** The sentences that may be told now: who predicts is not told what comes next. */
export function tellable(store: Store, sentences: readonly ToldSentence[]): readonly ToldSentence[] {
  return store.predicting.on.value ? sentences.filter(({ holes }) => !("next" in holes)) : sentences;
}

/** Sentences one after the other, names, values and checkpoints as what they are. */
export function Sentences({ store, sentences }: { store: Store; sentences: readonly ToldSentence[] }) {
  return (
    <p>
      {sentences.map((sentence, i) => (
        <span key={i}>
          {i > 0 && " "}
          <Sentence store={store} sentence={sentence} />
        </span>
      ))}
    </p>
  );
}

function Sentence({ store, sentence }: { store: Store; sentence: ToldSentence }) {
  const filled = Object.entries(sentence.holes).map(([name, hole]) => [name, fill(store, hole)]);
  return <>{told(sentence.text, Object.fromEntries(filled))}</>;
}

function fill(store: Store, hole: ToldHole): ComponentChild {
  const parts = [
    ...hole.texts.map((text) => drawn(store, hole, text)),
    ...hole.clauses.map((clause, i) => <Sentence key={i} store={store} sentence={clause} />),
    ...(hole.more > 0 ? [t("{n} more", { n: hole.more.toLocaleString() })] : []),
  ];
  const [comma, last] = hole.clauses.length > 0 ? ["; ", `; ${t("and")} `] : [", ", ` ${t("and")} `];
  return parts.map((part, i) => [i > 0 && (i === parts.length - 1 ? last : comma), part]);
}

function drawn(store: Store, { kind }: ToldHole, text: string): ComponentChild {
  switch (kind) {
    case "names":
      return (
        <b key={text} dir="ltr">
          {text}
        </b>
      );
    case "values":
      return (
        <code key={text} dir="auto">
          {text}
        </code>
      );
    case "label": {
      const tree = store.tree.value;
      const id = tree.ids[tree.rowOfLabel(text)];
      return id === undefined ? text : <Go key={text} store={store} id={id} />;
    }
    default:
      return text;
  }
}

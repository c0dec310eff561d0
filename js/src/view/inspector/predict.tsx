// The question before an act: its choices or a field, and then what is right and why.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../../lib/words";
import type { Asking } from "../../state/predict";
import type { Store } from "../../state/store";
import { Act } from "../ui/act";
import { useId } from "../ui/id";
import { Problem } from "../ui/problem";

export function Predict({ store }: { store: Store }) {
  const asking = store.predicting.asking.value;
  return asking && <Card key={asking.question.id} store={store} asking={asking} />;
}

function Card({ store, asking }: { store: Store; asking: Asking }) {
  const { predicting } = store;
  const { question, told } = asking;
  const [given, setGiven] = useState("");
  const box = useRef<HTMLFormElement>(null);
  const id = useId();
  const over = told !== null;
  useLayoutEffect(() => {
    const to = over ? box.current : box.current?.querySelector("input");
    to?.focus({ preventScroll: true });
  }, [over]);
  const ready = given.trim() !== "";
  return (
    <form
      ref={box}
      class="lgviz-predict"
      data-testid="lgviz-predict"
      aria-labelledby={id}
      tabIndex={-1}
      onSubmit={(event) => {
        event.preventDefault();
        if (ready && !over) void predicting.answer(given);
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        predicting.dismiss();
      }}
    >
      <p id={id} class="lgviz-predict-text">
        <Named text={question.text} />
      </p>
      {question.choices.length > 0 ? (
        question.choices.map(({ mark, text }) => (
          <label key={mark} class="lgviz-predict-choice">
            <input
              type="radio"
              name={id}
              data-testid="lgviz-predict-choice"
              checked={given === mark}
              disabled={over}
              onChange={() => setGiven(mark)}
            />
            <span>
              <Named text={text} />
            </span>
          </label>
        ))
      ) : (
        <input
          class="lgviz-input"
          data-testid="lgviz-predict-choice"
          aria-label={t("Your prediction")}
          autocomplete="off"
          spellcheck={false}
          readOnly={over}
          value={given}
          onInput={(event) => setGiven(event.currentTarget.value)}
        />
      )}
      {predicting.failure.value && <Problem error={predicting.failure.value} />}
      {told && (
        <p
          class={`lgviz-predict-told ${told.right ? "is-right" : "is-wrong"}`}
          role="status"
          data-testid="lgviz-predict-told"
        >
          <Named text={told.text} />
        </p>
      )}
      <div class="lgviz-acts">
        {over ? (
          <Act
            name={t("Close")}
            testid="lgviz-predict-close"
            reason={null}
            act={() => predicting.dismiss()}
          />
        ) : (
          <>
            <button
              type="submit"
              class="lgviz-act is-primary"
              data-testid="lgviz-predict-answer"
              aria-disabled={!ready}
            >
              {t("Answer")}
              <kbd>↵</kbd>
            </button>
            <Act
              name={t("Skip")}
              testid="lgviz-predict-skip"
              reason={null}
              hint={t("Goes on without an answer")}
              act={() => predicting.skip()}
            />
            <Act
              name={t("Cancel")}
              testid="lgviz-predict-cancel"
              reason={null}
              hint={t("Does nothing")}
              act={() => predicting.dismiss()}
            />
          </>
        )}
      </div>
    </form>
  );
}

/** A sentence whose names in backticks are set off. */
function Named({ text }: { text: string }) {
  return <>{text.split("`").map((part, i) => (i % 2 ? <b key={i}>{part}</b> : part))}</>;
}

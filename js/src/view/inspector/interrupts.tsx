// The questions that the step after this checkpoint asked, answered in place.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { readAs } from "../../lib/json";
import type { CheckpointView, InterruptView, ValueNode } from "../../protocol";
import { isHeld, plainRun, runAndFollow, sandboxReason } from "../../state/acts";
import type { Store } from "../../state/store";
import { Act } from "../ui/act";
import { useId } from "../ui/id";
import { Value } from "./value";

interface Props {
  store: Store;
  view: CheckpointView;
  stale: boolean;
}

export function Interrupts({ store, view, stale }: Props) {
  const [answers, setAnswers] = useState<Record<string, string>>({});
  const [anew, setAnew] = useState(false);
  const { interrupts } = view;
  const answered = interrupts.every((interrupt) => interrupt.answered);
  const failed = answered && view.error !== null;
  const open = !answered || anew || failed;
  const given = interrupts.filter(({ id }) => (answers[id] ?? "").trim() !== "");
  const reason =
    store.readOnly.value ??
    (store.running.value ? "A run is at work: stop it first." : null) ??
    (given.length === 0 ? "Type an answer first." : null);
  const resume = (sandbox = false) => {
    const answer = Object.fromEntries(given.map(({ id }) => [id, answers[id] ?? ""]));
    void runAndFollow(store, plainRun(view.id, { resume: answer, sandbox }));
  };
  const alone = interrupts.length === 1;
  const name =
    interrupts.length > 1 && given.length > 0
      ? `Resume with ${given.length} of ${interrupts.length}`
      : "Resume";
  const button = (
    <>
      <Act name={name} primary stale={stale} reason={reason} act={() => resume()} testid="lgviz-resume" />
      {!isHeld(store, view.id) && (
        <Act
          name="In sandbox"
          stale={stale}
          reason={sandboxReason(store) ?? reason}
          hint="Resume and store nothing until it is kept"
          act={() => resume(true)}
          testid="lgviz-resume-sandbox"
        />
      )}
    </>
  );
  return (
    <section class="lgviz-interrupts" data-testid="lgviz-interrupt" aria-label="Interrupt">
      {interrupts.map((interrupt) => (
        <Question
          key={interrupt.id}
          interrupt={interrupt}
          open={open}
          answer={answers[interrupt.id] ?? ""}
          readOnly={store.readOnly.value}
          set={(text) => setAnswers({ ...answers, [interrupt.id]: text })}
          submit={() => {
            if (reason === null && !stale) resume();
          }}
        >
          {alone && button}
        </Question>
      ))}
      {(!alone || answered) && (
        <div class="lgviz-interrupt-foot">
          {open && !alone && button}
          {answered && !open && (
            <Act
              name="Answer anew"
              reason={store.readOnly.value}
              act={() => setAnew(true)}
              testid="lgviz-answer-anew"
            />
          )}
          <span>
            {answered
              ? `was answered${failed ? ", and that failed" : ""}; answering anew makes a fresh fork`
              : "those without an answer ask again"}
          </span>
        </div>
      )}
    </section>
  );
}

interface QuestionProps {
  interrupt: InterruptView;
  open: boolean;
  answer: string;
  readOnly: string | null;
  set(text: string): void;
  submit(): void;
  children: ComponentChildren;
}

const CHOICES = new Set(["options", "choices", "answers", "actions", "allowed"]);

/** Answers to click: those that the question lists, else yes and no. */
export function quickAnswers(question: ValueNode): string[] {
  const listed = question.items?.find(({ key, value }) => CHOICES.has(key) && value.kind === "list")?.value
    .items;
  const plain = (listed ?? []).filter(({ value }) => value.kind === "string" && value.more === 0);
  return plain.length > 0 ? plain.slice(0, 6).map(({ value }) => value.text) : ["true", "false"];
}

function Question({ interrupt, open, answer, readOnly, set, submit, children }: QuestionProps) {
  const id = useId();
  const reading = readAs(answer);
  return (
    <div class="lgviz-question" data-interrupt={interrupt.id}>
      <div class="lgviz-question-head">
        <b>{interrupt.node}</b> <span>asks</span>
        {interrupt.answered && <span class="lgviz-badge">answered</span>}
      </div>
      <Value node={interrupt.value} open bare />
      {open && (
        <div class="lgviz-answer">
          <textarea
            id={id}
            rows={1}
            class="lgviz-input"
            aria-label={`Answer to ${interrupt.node}`}
            placeholder="answer: text, or JSON"
            disabled={readOnly !== null}
            value={answer}
            onInput={(event) => set(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
              event.preventDefault();
              submit();
            }}
          />
          <div class="lgviz-answer-hints">
            {quickAnswers(interrupt.value).map((text) => (
              <button
                key={text}
                type="button"
                class="lgviz-tag"
                disabled={readOnly !== null}
                aria-pressed={answer === text}
                onClick={() => set(text)}
              >
                {text}
              </button>
            ))}
            {reading !== "nothing" && <span class="lgviz-faint">sent as {reading}</span>}
          </div>
          {children}
        </div>
      )}
    </div>
  );
}

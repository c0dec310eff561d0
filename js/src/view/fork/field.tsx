// One channel in the fork form, and the text area for JSON.
import { useLayoutEffect, useRef } from "preact/hooks";
import { type FieldDraft, fieldError, isTouched, textOf } from "../../lib/draft";
import type { ForkField as Field } from "../../protocol";
import { useId } from "../ui/id";

interface Props {
  field: Field;
  draft: FieldDraft;
  change(draft: FieldDraft): void;
}

/** One channel in the fork form: its value as JSON, and whether it passes the reducer or is set. */
export function ForkField({ field, draft, change }: Props) {
  const id = useId();
  const { channel, reducer, reason } = field;
  const text = textOf(draft);
  const error = fieldError(field, draft);
  const example = field.example.trim();
  const touched = isTouched(field, draft);
  return (
    <div class="lgviz-field" data-testid="lgviz-fork-field" data-channel={channel} data-touched={touched}>
      <label for={id}>
        <span class="lgviz-mono">{channel}</span>
        <small>{reducer ?? "last value"}</small>
      </label>
      <div>
        <JsonArea
          id={id}
          value={text}
          error={error}
          placeholder={example || (draft.mode === "append" ? "nothing appended" : "no value")}
          change={(value) => change({ ...draft, [draft.mode]: value })}
        />
        {reason !== null && <p class="lgviz-faint">{reason}</p>}
        <div class="lgviz-field-foot">
          {reducer !== null && <Modes channel={channel} draft={draft} change={change} />}
          {draft.mode === "append" && text === "" && example !== "" && (
            <button
              type="button"
              class="lgviz-link"
              onClick={() => change({ ...draft, append: pretty(example) })}
            >
              use the example
            </button>
          )}
          {touched && (
            <button
              type="button"
              class="lgviz-link"
              aria-label={`Leave ${channel} as it is`}
              onClick={() => change({ ...draft, append: "", set: field.current })}
            >
              undo
            </button>
          )}
        </div>
      </div>
    </div>
  );
}

function pretty(example: string): string {
  return example.length > 80 ? JSON.stringify(JSON.parse(example), null, 1) : example;
}

function Modes({
  channel,
  draft,
  change,
}: {
  channel: string;
  draft: FieldDraft;
  change(draft: FieldDraft): void;
}) {
  const modes = [
    ["append", "passes the reducer"],
    ["set", "replaces the value, past the reducer"],
  ] as const;
  return (
    <fieldset class="lgviz-seg" aria-label={`How ${channel} is written`}>
      {modes.map(([mode, meaning]) => (
        <button
          key={mode}
          type="button"
          data-testid={`lgviz-fork-mode-${mode}`}
          aria-pressed={draft.mode === mode}
          title={meaning}
          onClick={() => change({ ...draft, mode })}
        >
          {mode}
        </button>
      ))}
    </fieldset>
  );
}

interface AreaProps {
  id: string;
  value: string;
  error: string | null;
  placeholder?: string;
  change(value: string): void;
}

/** A text field for JSON that grows with its text and says what is wrong below. */
export function JsonArea({ id, value, error, placeholder, change }: AreaProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(118, element.scrollHeight + 2)}px`;
  }, [value]);
  return (
    <>
      <textarea
        ref={area}
        id={id}
        rows={1}
        class="lgviz-input"
        spellcheck={false}
        autocomplete="off"
        placeholder={placeholder}
        value={value}
        aria-invalid={error !== null}
        aria-describedby={error === null ? undefined : `${id}-error`}
        onInput={(event) => change(event.currentTarget.value)}
      />
      {error !== null && (
        <div class="lgviz-field-error" id={`${id}-error`} data-testid="lgviz-error" role="alert">
          {error}
        </div>
      )}
    </>
  );
}

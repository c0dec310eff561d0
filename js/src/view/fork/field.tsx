// One channel in the fork form, and the text area for JSON.
import { type FieldDraft, fieldError, isTouched, textOf } from "../../lib/draft";
import { t } from "../../lib/words";
import type { ForkField as Field } from "../../protocol";
import { Area } from "../ui/area";
import { useId } from "../ui/id";

interface Props {
  field: Field;
  draft: FieldDraft;
  change(draft: FieldDraft): void;
  /** Why its value cannot be set past the reducer; null where it can. */
  unsettable: string | null;
}

/** One channel in the fork form: its value as JSON, and whether it passes the reducer or is set. */
export function ForkField({ field, draft, change, unsettable }: Props) {
  const id = useId();
  const { channel, reducer, reason } = field;
  const text = textOf(draft);
  const error = fieldError(field, draft);
  const example = field.example.trim();
  const touched = isTouched(field, draft);
  return (
    <div class="lgviz-part" data-testid="lgviz-fork-field" data-channel={channel} data-touched={touched}>
      <h4>
        <label class="lgviz-mono" for={id}>
          {channel}
        </label>
        <span class="lgviz-mute"> · {reducer ?? t("last value")}</span>
      </h4>
      <div>
        <JsonArea
          id={id}
          value={text}
          error={error}
          placeholder={example || (draft.mode === "append" ? t("nothing appended") : t("no value"))}
          change={(value) => change({ ...draft, [draft.mode]: value })}
        />
        {reason !== null && <p class="lgviz-faint">{reason}</p>}
        <div class="lgviz-field-foot">
          {reducer !== null && (
            <Modes channel={channel} draft={draft} change={change} unsettable={unsettable} />
          )}
          {draft.mode === "append" && text === "" && example !== "" && (
            <button
              type="button"
              class="lgviz-link"
              onClick={() => change({ ...draft, append: pretty(example) })}
            >
              {t("use the example")}
            </button>
          )}
          {touched && (
            <button
              type="button"
              class="lgviz-link"
              aria-label={t("Leave {channel} as it is", { channel })}
              onClick={() => change({ ...draft, append: "", set: field.current })}
            >
              {t("undo")}
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

function Modes({ channel, draft, change, unsettable }: Omit<Props, "field"> & { channel: string }) {
  const modes = [
    ["append", t("append"), t("passes the reducer"), null],
    ["set", t("set"), t("replaces the value, past the reducer"), unsettable],
  ] as const;
  return (
    <fieldset class="lgviz-seg" aria-label={t("How {channel} is written", { channel })}>
      {modes.map(([mode, name, meaning, reason]) => (
        <button
          key={mode}
          type="button"
          data-testid={`lgviz-fork-mode-${mode}`}
          aria-pressed={draft.mode === mode}
          aria-disabled={reason !== null}
          title={reason ?? meaning}
          onClick={() => reason === null && change({ ...draft, mode })}
        >
          {name}
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
  return (
    <>
      <Area
        id={id}
        mono
        placeholder={placeholder}
        value={value}
        aria-invalid={error !== null}
        aria-describedby={error === null ? undefined : `${id}-error`}
        change={change}
      />
      {error !== null && (
        <div class="lgviz-field-error" id={`${id}-error`} data-testid="lgviz-error" role="alert">
          {error}
        </div>
      )}
    </>
  );
}

// A form of any JSON schema: a control a field, made of the fields that Python describes.
import type { TargetedInputEvent } from "preact";
import { below, type FieldPath, isEmpty, typed, withItem, withoutItem, withPart } from "../../lib/fields";
import { t } from "../../lib/words";
import type { FieldError, FieldView } from "../../protocol";
import { Area } from "./area";
import { useId } from "./id";

interface FormProps {
  field: FieldView;
  /** Takes how the field changes: what was typed just before, and is not drawn yet, is not lost. */
  change(update: (now: FieldView) => FieldView): void;
  /** What is wrong, by path from this field down. */
  errors?: readonly FieldError[];
  /** The accessible name of a field that has none of its own. */
  label: string;
  /** Why nothing can be typed; null where it can. */
  disabled?: string | null;
}

/** One field with its parts, without a name of its own beside it. */
export function Form(props: FormProps) {
  const { field } = props;
  if (field.reason !== null) return <p class="lgviz-faint">{field.reason}</p>;
  switch (field.kind) {
    case "object":
      return <Parts {...props} />;
    case "list":
      return <Items {...props} />;
    case "oneof":
      return <Variants {...props} />;
    default:
      return <Leaf {...props} />;
  }
}

/** A part with its name before it. */
function Named(props: FormProps & { remove?: () => void }) {
  const { field, errors = [], remove } = props;
  const id = useId();
  const nested = field.kind === "object" || field.kind === "list" || field.kind === "oneof";
  const Box = nested ? "fieldset" : "div";
  return (
    <Box
      class={`lgviz-form-part${nested ? " is-nested" : ""}`}
      data-field={field.name}
      aria-labelledby={nested ? `${id}-name` : undefined}
    >
      <span class="lgviz-form-name" id={`${id}-name`} title={field.hint || undefined}>
        <span class="lgviz-mono">{field.name}</span>
        {!field.required && <small>{t("optional")}</small>}
      </span>
      <div class="lgviz-form-control">
        <Form {...props} label={field.name} />
        {field.hint !== "" && <p class="lgviz-form-hint">{field.hint}</p>}
        {nested && <Wrong errors={errors} />}
      </div>
      {remove && (
        <button
          type="button"
          class="lgviz-bare"
          aria-label={t("Remove {name}", { name: field.name })}
          title={t("Remove {name}", { name: field.name })}
          onClick={remove}
        >
          ✕
        </button>
      )}
    </Box>
  );
}

function Parts(props: FormProps) {
  const { field, change, errors = [], label, disabled = null } = props;
  if (isEmpty(field)) {
    return (
      <button
        type="button"
        class="lgviz-link"
        disabled={disabled !== null}
        onClick={() => change((now) => ({ ...now, value: "{}" }))}
      >
        {t("Add {name}", { name: label })}
      </button>
    );
  }
  return (
    <div class="lgviz-form">
      {field.fields.length === 0 && <span class="lgviz-faint">{t("no fields")}</span>}
      {field.fields.map((part, i) => (
        <Named
          key={part.name}
          field={part}
          label={part.name}
          disabled={disabled}
          errors={below(errors, part.name)}
          change={(update) => change((now) => withPart(now, i, update))}
        />
      ))}
      {!field.required && (
        <button
          type="button"
          class="lgviz-link"
          disabled={disabled !== null}
          onClick={() => change((now) => ({ ...now, value: null }))}
        >
          {t("Leave {name} out", { name: label })}
        </button>
      )}
    </div>
  );
}

function Items(props: FormProps) {
  const { field, change, errors = [], label, disabled = null } = props;
  return (
    <div class="lgviz-form">
      {field.fields.map((part, i) => (
        <Named
          key={i}
          field={part}
          label={part.name}
          disabled={disabled}
          errors={below(errors, i)}
          change={(update) => change((now) => withPart(now, i, update))}
          remove={() => change((now) => withoutItem(now, i))}
        />
      ))}
      {field.item !== null && (
        <button
          type="button"
          class="lgviz-link"
          disabled={disabled !== null}
          onClick={() => change(withItem)}
        >
          {field.name === "" ? t("Add an item") : t("Add to {name}", { name: label })}
        </button>
      )}
    </div>
  );
}

function Variants(props: FormProps) {
  const { field, change, errors = [], label, disabled = null } = props;
  const at = field.value === null ? -1 : Number(field.value);
  const form = field.fields[at];
  const names = field.fields.map(({ name }, i) => ({ label: name, value: `${i}` }));
  return (
    <div class="lgviz-form">
      <Choice
        options={names}
        value={field.value}
        label={label}
        disabled={disabled}
        choose={(value) => change((now) => ({ ...now, value }))}
        clear={!field.required}
      />
      {form && (
        <Form
          key={at}
          {...props}
          field={form}
          errors={errors}
          change={(update) => change((now) => withPart(now, at, update))}
        />
      )}
    </div>
  );
}

const FEW = 5;
const SHORT = 18;

function Leaf({ field, change, errors = [], label, disabled = null }: FormProps) {
  const id = useId();
  const wrong = errors.length > 0;
  const common = {
    "aria-label": label,
    "aria-invalid": wrong,
    "aria-describedby": wrong ? `${id}-error` : undefined,
    "aria-required": field.empty === "needed",
    disabled: disabled !== null,
    title: disabled ?? undefined,
  };
  const text = field.value ?? "";
  const type = (text: string) => change((now) => typed(now, text));
  const typing = (event: TargetedInputEvent<HTMLInputElement>) => type(event.currentTarget.value);
  let control = (
    <Area {...common} value={text} change={type} placeholder={emptied(field)} mono={field.kind === "json"} />
  );
  if (field.kind === "bool" || field.kind === "choice") {
    const options =
      field.kind === "choice" ? field.options : ["true", "false"].map((value) => ({ label: value, value }));
    control = (
      <Choice
        {...{ options, label, disabled }}
        value={field.value}
        choose={(value) => change((now) => ({ ...now, value }))}
        clear={field.empty !== "needed"}
      />
    );
  } else if (field.kind === "date") {
    control = <input {...common} class="lgviz-input" type="date" value={text} onInput={typing} />;
  } else if (field.kind !== "text" && field.kind !== "json") {
    control = (
      <input
        {...common}
        class="lgviz-input"
        type="text"
        inputMode={field.kind === "time" ? "text" : "decimal"}
        autocomplete="off"
        placeholder={field.kind === "time" ? "2026-01-31T12:00:00Z" : emptied(field)}
        value={text}
        onInput={typing}
      />
    );
  }
  return (
    <>
      {control}
      <Wrong errors={errors} id={`${id}-error`} all />
    </>
  );
}

interface ChoiceProps {
  options: readonly { label: string; value: string }[];
  value: string | null;
  label: string;
  disabled: string | null;
  choose(value: string | null): void;
  /** Whether nothing can be chosen again. */
  clear: boolean;
}

/** One of several: buttons where few, else a list. */
function Choice({ options, value, label, disabled, choose, clear }: ChoiceProps) {
  if (options.length > FEW || options.some((option) => option.label.length > SHORT)) {
    return (
      <select
        class="lgviz-input"
        aria-label={label}
        disabled={disabled !== null}
        value={value ?? ""}
        onChange={(event) => choose(event.currentTarget.value || null)}
      >
        {(clear || value === null) && <option value="">{t("nothing chosen")}</option>}
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    );
  }
  return (
    <fieldset class="lgviz-seg" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          disabled={disabled !== null}
          aria-pressed={option.value === value}
          onClick={() => choose(clear && option.value === value ? null : option.value)}
        >
          {option.label}
        </button>
      ))}
    </fieldset>
  );
}

/** What an empty field stands for. */
function emptied(field: FieldView): string {
  if (field.empty === "null") return "null";
  if (field.empty === "absent") return t("left out");
  return field.empty === "text" ? t("empty text") : "";
}

/** What is said of a field itself; with `all`, also of what is below it. */
function Wrong({ errors, id, all = false }: { errors: readonly FieldError[]; id?: string; all?: boolean }) {
  const here = errors.filter(({ path }) => all || path.length === 0);
  if (here.length === 0) return null;
  return (
    <div class="lgviz-field-error" id={id} data-testid="lgviz-error" role="alert">
      {here
        .map(({ path, message }) => (path.length > 0 ? `${pathText(path)}: ${message}` : message))
        .join(" ")}
    </div>
  );
}

/** `items[0].name`. */
export function pathText(path: FieldPath): string {
  return path.map((key, i) => (typeof key === "number" ? `[${key}]` : i > 0 ? `.${key}` : key)).join("");
}

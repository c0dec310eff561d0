// A message being edited: who says it, the text as text, the tool calls as a name and arguments.
import { useState } from "preact/hooks";
import { below, jsonOf, typed, withoutItem, withPart } from "../../lib/fields";
import { t, tn } from "../../lib/words";
import type { FieldError, FieldView } from "../../protocol";
import { Area } from "../ui/area";
import { Form } from "../ui/form";

interface Props {
  field: FieldView;
  errors: readonly FieldError[];
  label: string;
  change(update: (now: FieldView) => FieldView): void;
}

/** The message as a person writes one; what is not shown of it stays as it is. */
export function MessageForm(props: Props) {
  const part = partsOf(props);
  const rest = props.errors.filter(({ path }) => !["content", "tool_calls"].includes(String(path[0])));
  return (
    <div class="lgviz-message-form">
      {part("type", (role) => <Role {...role} />) ?? part("role", (role) => <Role {...role} />)}
      {part("content", (content) => (
        <Content {...content} />
      ))}
      {part("tool_calls", (calls) => (
        <ToolCalls {...calls} />
      ))}
      <Wrong errors={rest} />
    </div>
  );
}

/** Gives a part of an object to what draws it; null where there is no such part. */
function partsOf({ field, errors, change }: Props) {
  return <T,>(name: string, draw: (props: Props) => T): T | null => {
    const at = field.fields.findIndex((one) => one.name === name);
    const part = field.fields[at];
    if (!part) return null;
    return draw({
      field: part,
      errors: below(errors, name),
      label: name,
      change: (update) => change((now) => withPart(now, at, update)),
    });
  };
}

/** The text; where the content is blocks, the text of each that has one, and the names of the others. */
function Content({ field, errors, change }: Props) {
  if (field.kind === "text")
    return <Text field={field} change={change} errors={errors} label={t("content")} />;
  if (field.kind !== "list")
    return <Form field={field} change={change} errors={errors} label={t("content")} />;
  return (
    <>
      {field.fields.map((block, i) => {
        const at = block.kind === "text" ? -1 : block.fields.findIndex((one) => one.name === "text");
        const text = at < 0 ? block : block.fields[at];
        const update = (change_: (now: FieldView) => FieldView) =>
          change((now) => withPart(now, i, (one) => (at < 0 ? change_(one) : withPart(one, at, change_))));
        return text?.kind === "text" ? (
          <Text
            key={i}
            field={text}
            change={update}
            errors={below(errors, i)}
            label={t("content, block {n}", { n: i })}
          />
        ) : (
          <span key={i} class="lgviz-tag" title={t("kept as it is; JSON shows it")}>
            {nameOf(block)}
          </span>
        );
      })}
    </>
  );
}

function nameOf(block: FieldView): string {
  const kind = block.fields.find((one) => one.name === "type")?.value;
  return kind ? `[${kind}]` : "[…]";
}

function Text({ field, change, errors, label }: Props) {
  return (
    <>
      <Area
        value={field.value ?? ""}
        change={(text) => change((now) => typed(now, text))}
        aria-label={label}
        aria-invalid={errors.length > 0}
      />
      <Wrong errors={errors} />
    </>
  );
}

function Role({ field, errors, change }: Props) {
  return (
    <label class="lgviz-role-choice">
      <span class="lgviz-mute">{t("role")}</span>
      <select
        class="lgviz-input"
        value={field.value ?? ""}
        onChange={(event) => {
          const { value } = event.currentTarget;
          change((now) => ({ ...now, value }));
        }}
      >
        {field.options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      <Wrong errors={errors} />
    </label>
  );
}

/** The calls, each closed at first; several are one line until they are looked at. */
function ToolCalls({ field, errors, change }: Props) {
  const [open, setOpen] = useState(field.fields.length === 1);
  const [removed, setRemoved] = useState<{ field: FieldView; name: string } | null>(null);
  if (field.kind !== "list" || (field.fields.length === 0 && !removed)) return null;
  const remove = (i: number, name: string) => {
    setRemoved({ field, name });
    change((now) => withoutItem(now, i));
  };
  return (
    <div class="lgviz-calls">
      {!open && field.fields.length > 1 ? (
        <button type="button" class="lgviz-tool-chip" aria-expanded={false} onClick={() => setOpen(true)}>
          {tn("{n} tool call", "{n} tool calls", field.fields.length)}
        </button>
      ) : (
        field.fields.map((call, i) => (
          <ToolCall
            key={jsonOf(call.fields.find((one) => one.name === "id") ?? call) ?? i}
            field={call}
            errors={below(errors, i)}
            change={(update) => change((now) => withPart(now, i, update))}
            remove={(name) => remove(i, name)}
          />
        ))
      )}
      {removed && (
        <p class="lgviz-removed">
          <s class="lgviz-mono">{removed.name}(…)</s> {t("tool call removed")} ·{" "}
          <button
            type="button"
            class="lgviz-link"
            onClick={() => {
              change(() => removed.field);
              setRemoved(null);
            }}
          >
            {t("undo")}
          </button>
        </p>
      )}
    </div>
  );
}

interface CallProps {
  field: FieldView;
  errors: readonly FieldError[];
  change(update: (now: FieldView) => FieldView): void;
  remove(name: string): void;
}

function ToolCall({ field, errors, change, remove }: CallProps) {
  const [open, setOpen] = useState(false);
  const part = partsOf({ field, errors, change, label: "" });
  const name = field.fields.find((one) => one.name === "name")?.value ?? "?";
  const args = field.fields.find((one) => one.name === "args");
  return (
    <div class="lgviz-call">
      <div class="lgviz-call-line">
        <button
          type="button"
          class="lgviz-tool-chip"
          aria-expanded={open || errors.length > 0}
          onClick={() => setOpen(!open)}
        >
          <span class="lgviz-tool-name">{name}</span>({args && inline(args)})
        </button>
        <button
          type="button"
          class="lgviz-link"
          aria-label={t("Remove the call of {name}", { name })}
          title={t("Remove the call of {name}", { name })}
          onClick={() => remove(name)}
        >
          ✕
        </button>
      </div>
      {(open || errors.length > 0) && (
        <div class="lgviz-call-parts">
          {part("name", (props) => (
            <Form {...props} label={t("name of the tool")} />
          ))}
          {part("args", (props) => (
            <Form {...props} label={t("arguments of {name}", { name })} />
          ))}
          <Wrong errors={errors.filter(({ path }) => path.length === 0)} />
        </div>
      )}
    </div>
  );
}

/** Arguments on one line, as a call would be written. */
function inline(args: FieldView): string {
  if (args.kind !== "object") return "…";
  const each = args.fields.flatMap((one) => {
    const json = jsonOf(one);
    return json === null ? [] : [`${one.name}=${json.length > 40 ? `${json.slice(0, 39)}…` : json}`];
  });
  return each.join(", ");
}

function Wrong({ errors }: { errors: readonly FieldError[] }) {
  if (errors.length === 0) return null;
  return (
    <div class="lgviz-field-error" data-testid="lgviz-error" role="alert">
      {errors.map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": ")).join(" ")}
    </div>
  );
}

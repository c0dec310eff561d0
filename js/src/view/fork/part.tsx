// One part of a value in the fork form: a message, a text, fields, or JSON.
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { placeOf } from "../../lib/keyboard";
import { begun, isEdited, type PartDraft, problemsOf, textOfPart } from "../../lib/parts";
import { t } from "../../lib/words";
import type { FieldError, FieldView } from "../../protocol";
import type { Store } from "../../state/store";
import { Area } from "../ui/area";
import { useAsk } from "../ui/ask";
import { Form } from "../ui/form";
import { useId } from "../ui/id";
import { Problem } from "../ui/problem";
import { MessageForm } from "./message";

interface Props {
  store: Store;
  checkpoint: string;
  part: PartDraft;
  /** What Python refused of it. */
  refused: readonly FieldError[];
  /** The focus goes to it as soon as it can be typed in. */
  focused: boolean;
  change(update: (now: PartDraft) => PartDraft): void;
  remove(): void;
}

/** A part of a value, edited as what it is; JSON is one click away. */
export function PartField({ store, checkpoint, part, refused, focused, change, remove }: Props) {
  const id = useId();
  const box = useRef<HTMLElement>(null);
  const { form } = part;
  const place = { checkpoint, channel: part.channel, path: [...part.path] };
  const asked = useAsk(store.source, "part_form", form === null ? place : null);
  const sent = asked.data;
  useEffect(() => {
    if (sent) change((now) => (now.form === null ? begun(now, sent) : now));
  }, [sent]);
  useLayoutEffect(() => {
    if (form && focused) focusFirst(box.current);
  }, [form === null, focused]);
  const problems = problemsOf(part);
  const errors = problems.length > 0 ? problems : isEdited(part) ? refused : [];
  return (
    <section
      ref={box}
      class="lgviz-part"
      data-testid="lgviz-fork-field"
      data-channel={part.channel}
      data-path={part.path.join(".")}
      data-touched={isEdited(part)}
      aria-labelledby={id}
    >
      <header>
        <h4 id={id}>
          <span class="lgviz-mono">{part.channel}</span>
          {form && <span class="lgviz-mute">{about(part)}</span>}
        </h4>
        {form && <Tools part={part} change={change} remove={remove} store={store} checkpoint={checkpoint} />}
      </header>
      {asked.error ? (
        <Problem error={asked.error} retry={asked.retry} />
      ) : form === null ? (
        <p class="lgviz-empty">…</p>
      ) : (
        <>
          {form.reason !== null && <p class="lgviz-faint">{form.reason}</p>}
          <Body part={part} errors={errors} change={change} />
        </>
      )}
    </section>
  );
}

/** What it is, and whether it was edited. */
function about(part: PartDraft): string {
  const keys = part.form?.keys ?? [];
  const message = part.form?.kind === "message";
  const role = message ? part.field?.fields.find(({ name }) => name === "type" || name === "role") : null;
  const what = role?.value
    ? String(JSON.parse(role.value))
    : keys.length > 0
      ? keys.join(" › ")
      : kindOf(part);
  return ` · ${what}${isEdited(part) ? `, ${t("edited")}` : ""}`;
}

function kindOf({ form, field }: PartDraft): string {
  return field?.kind === "text" ? t("text") : (form?.type ?? "");
}

interface BodyProps {
  part: PartDraft;
  errors: readonly FieldError[];
  change(update: (now: PartDraft) => PartDraft): void;
}

function Body({ part, errors, change }: BodyProps) {
  const id = useId();
  if (part.raw !== null) {
    const said = errors.map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": "));
    return (
      <>
        <Area
          mono
          value={part.raw}
          aria-label={t("{channel} as JSON", { channel: part.channel })}
          aria-invalid={errors.length > 0}
          aria-describedby={errors.length > 0 ? `${id}-error` : undefined}
          change={(raw) => change((now) => ({ ...now, raw }))}
        />
        {said.length > 0 && (
          <div class="lgviz-field-error" id={`${id}-error`} data-testid="lgviz-error" role="alert">
            {said.join(" ")}
          </div>
        )}
      </>
    );
  }
  if (part.field === null) return <p class="lgviz-empty">…</p>;
  const props = {
    field: part.field,
    errors,
    label: part.channel,
    change: (update: (now: FieldView) => FieldView) =>
      change((now) => (now.field ? { ...now, field: update(now.field) } : now)),
  };
  return part.form?.kind === "message" ? <MessageForm {...props} /> : <Form {...props} />;
}

interface ToolsProps {
  store: Store;
  checkpoint: string;
  part: PartDraft;
  change(update: (now: PartDraft) => PartDraft): void;
  remove(): void;
}

function Tools({ store, checkpoint, part, change, remove }: ToolsProps) {
  const { form, raw } = part;
  if (form === null) return null;
  const asForm = async () => {
    if (raw === null) return;
    if (!isEdited(part)) return change((now) => ({ ...now, field: form.field, raw: null }));
    try {
      const place = { checkpoint, channel: part.channel, path: [...part.path], typed: raw };
      const { field } = await store.source.request("part_form", place);
      change((now) => (now.raw === raw ? { ...now, field, raw: null } : now));
    } catch (error) {
      store.report(error);
    }
  };
  const canForm = form.field.kind !== "json" && problemsOf(part).length === 0;
  return (
    <span class="lgviz-part-tools">
      {form.reason === null && (raw === null || form.field.kind !== "json") && (
        <button
          type="button"
          class="lgviz-link"
          aria-pressed={raw !== null}
          aria-disabled={raw !== null && !canForm}
          title={raw === null ? t("Edit it as JSON") : t("Edit it as a form")}
          onClick={() => {
            if (raw === null) change((now) => ({ ...now, raw: pretty(textOfPart(now)) }));
            else if (canForm) void asForm();
          }}
        >
          JSON
        </button>
      )}
      {isEdited(part) && (
        <button
          type="button"
          class="lgviz-link"
          aria-label={t("Undo the edit of {channel}", { channel: part.channel })}
          onClick={() => change((now) => begun({ ...now, raw: null }, form))}
        >
          {t("undo")}
        </button>
      )}
      <button
        type="button"
        class="lgviz-link"
        aria-label={t("Leave {channel} as it is", { channel: part.channel })}
        title={t("Leave {channel} as it is", { channel: part.channel })}
        onClick={remove}
      >
        ✕
      </button>
    </span>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** The first field that takes text, with the cursor at its end. It takes the focus from no other field: a form may come
 * while a person types elsewhere, and what is typed next would land in it. */
export function focusFirst(box: HTMLElement | null): void {
  if (placeOf(document.activeElement) === "field") return;
  const text = box?.querySelector<HTMLElement>("textarea");
  const field = text ?? box?.querySelector<HTMLElement>("input, select, .lgviz-seg button");
  field?.focus({ preventScroll: true });
  if (field instanceof HTMLTextAreaElement) field.setSelectionRange(field.value.length, field.value.length);
  box?.scrollIntoView({ block: "nearest" });
}

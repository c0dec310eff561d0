// An action that waits for a person: the call, the decisions that are allowed, and what they take.
import { useLayoutEffect, useRef } from "preact/hooks";
import type { ActionDraft } from "../../lib/answers";
import { t } from "../../lib/words";
import type { ActionView, DecidedView, DecisionOption, FieldError } from "../../protocol";
import { Area } from "../ui/area";
import { Form } from "../ui/form";
import { callArguments, ToolCall } from "./value";

/** A decision in words; LangChain's older requests say `response` for it. */
export function decisionName(type: string): string {
  const names: Readonly<Record<string, string>> = {
    approve: t("approve"),
    edit: t("edit"),
    reject: t("reject"),
    respond: t("respond"),
    accept: t("accept"),
    response: t("respond"),
    ignore: t("ignore"),
  };
  return names[type] ?? type;
}

interface CardProps {
  action: ActionView;
  open: boolean;
  draft: ActionDraft;
  errors: readonly FieldError[];
  disabled: string | null;
  change(update: (now: ActionDraft) => ActionDraft): void;
}

export function ActionCard({ action, open, draft, errors, disabled, change }: CardProps) {
  const more = useRef<HTMLDivElement>(null);
  const chosen = action.decisions.find(({ type }) => type === draft.type);
  const clicked = useRef(false);
  const choose = (type: string) => {
    clicked.current = true;
    change((now) => ({ ...now, type: now.type === type ? null : type }));
  };
  const edits = chosen?.takes === "args";
  const whole = callArguments(action.args);
  // What would be cut there is shown: nobody approves what was not to be seen.
  const hidden = whole.includes("…") || action.args.some(({ value }) => value.text.includes("\n"));
  // At once: what is typed next goes there, and not to the keys of the debugger.
  useLayoutEffect(() => {
    if (clicked.current) more.current?.querySelector<HTMLElement>("textarea, input, select")?.focus();
  }, [draft.type]);
  return (
    <fieldset
      class="lgviz-action"
      data-testid="lgviz-hitl-action"
      data-action={action.name}
      aria-label={action.name}
    >
      <ToolCall
        key={`${edits}`}
        call={{ id: null, name: action.name, args: action.args }}
        opened={hidden && !edits}
      />
      {action.description !== "" && <p class="lgviz-action-said">{action.description}</p>}
      {action.decided && <Decided decided={action.decided} />}
      {open && (
        <>
          <fieldset class="lgviz-decisions" aria-label={t("Decision on {name}", { name: action.name })}>
            {action.decisions.map(({ type }) => (
              <button
                key={type}
                type="button"
                class={`lgviz-decision is-${type}`}
                data-decision={type}
                aria-pressed={type === draft.type}
                disabled={disabled !== null}
                title={disabled ?? undefined}
                onClick={() => choose(type)}
              >
                {decisionName(type)}
              </button>
            ))}
          </fieldset>
          <div ref={more} class="lgviz-decision-more">
            {chosen && <Taken {...{ action, draft, errors, disabled, change }} option={chosen} />}
          </div>
        </>
      )}
    </fieldset>
  );
}

function Taken(props: Omit<CardProps, "open"> & { option: DecisionOption }) {
  const { action, option, draft, errors, disabled, change } = props;
  const wrong = errors.map(({ message }) => message).join(" ");
  if (option.takes === "nothing") return wrong === "" ? null : <Wrong text={wrong} />;
  if (option.takes === "args") {
    if (!draft.args) return <p class="lgviz-faint">…</p>;
    return (
      <Form
        field={draft.args}
        errors={errors}
        label={t("Arguments of {name}", { name: action.name })}
        disabled={disabled}
        change={(update) => change((now) => ({ ...now, args: now.args && update(now.args) }))}
      />
    );
  }
  const reason = option.takes === "reason";
  return (
    <>
      <Area
        value={draft.text}
        change={(text) => change((now) => ({ ...now, text }))}
        disabled={disabled !== null}
        aria-invalid={wrong !== ""}
        aria-label={
          reason
            ? t("Reason to {decision} {name}", { decision: decisionName(option.type), name: action.name })
            : t("Answer instead of {name}", { name: action.name })
        }
        placeholder={reason ? t("reason, told to the model") : t("what the model is told instead")}
      />
      {wrong !== "" && <Wrong text={wrong} />}
    </>
  );
}

function Wrong({ text }: { text: string }) {
  return (
    <div class="lgviz-field-error" data-testid="lgviz-error" role="alert">
      {text}
    </div>
  );
}

/** What was decided. */
function Decided({ decided }: { decided: DecidedView }) {
  return (
    <p class="lgviz-decided">
      <span class={`lgviz-decision is-${decided.type} is-past`}>{decisionName(decided.type)}</span>{" "}
      {decided.text !== "" && <span>{decided.text}</span>}
      {decided.name !== "" && (
        <code>
          {decided.name}({callArguments(decided.args)})
        </code>
      )}
    </p>
  );
}

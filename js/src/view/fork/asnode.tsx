// As which node an update counts, and where a Command goes from there.
import { asNodeOf, choosable, type Draft, hasValues, optionOf } from "../../lib/draft";
import { writers } from "../../lib/parts";
import { t } from "../../lib/words";
import type { AsNodeOption, ForkForm } from "../../protocol";
import { useId } from "../ui/id";

interface Props {
  form: ForkForm;
  draft: Draft;
  change(update: (now: Draft) => Draft): void;
}

/** Which node the fork is written as: every node, where it leads, or why it cannot be. */
export function AsNode({ form, draft, change }: Props) {
  const name = useId();
  const chosen = optionOf(form, draft);
  const node = asNodeOf(form, draft);
  const wrote = writers(draft.parts) ?? [];
  const full = hasValues(form, draft);
  return (
    <>
      <div
        class="lgviz-as-nodes"
        role="radiogroup"
        aria-label={t("As if written by")}
        aria-required={node === null}
        data-testid="lgviz-fork-as-node"
      >
        {form.as_node.map((option) => (
          <Option
            key={option.node}
            group={name}
            option={option}
            inferred={option.node === form.inferred}
            wrote={wrote.includes(option.node)}
            chosen={option.node === node}
            refuses={option.node === "__end__" && full}
            choose={() => change((now) => ({ ...now, asNode: option.node, goto: null }))}
          />
        ))}
      </div>
      {chosen && chosen.goto.length > 0 && (
        <label class="lgviz-goto">
          <span>goto</span>
          <select
            class="lgviz-input"
            data-testid="lgviz-fork-goto"
            value={draft.goto ?? ""}
            onChange={(event) => {
              const goto = event.currentTarget.value || null;
              change((now) => ({ ...now, goto }));
            }}
          >
            <option value="">{t("none: only its edges")}</option>
            {chosen.goto.map((target) => (
              <option key={target} value={target}>
                {target}
              </option>
            ))}
          </select>
        </label>
      )}
      {form.siblings.length > 0 && (
        <label class="lgviz-check">
          <input
            type="checkbox"
            data-testid="lgviz-fork-siblings"
            checked={draft.keepSiblings}
            onChange={(event) => {
              const keepSiblings = event.currentTarget.checked;
              change((now) => ({ ...now, keepSiblings }));
            }}
          />
          <span>
            {t("keep finished siblings:")} <b>{form.siblings.join(", ")}</b>
          </span>
        </label>
      )}
    </>
  );
}

interface OptionProps {
  group: string;
  option: AsNodeOption;
  inferred: boolean;
  /** It wrote what is edited. */
  wrote: boolean;
  chosen: boolean;
  /** It takes no values, and there are some. */
  refuses: boolean;
  choose(): void;
}

function Option({ group, option, inferred, wrote, chosen, refuses, choose }: OptionProps) {
  const id = useId();
  const { node, next, disabled } = option;
  return (
    <label class={`lgviz-as-node${disabled === null ? "" : " is-disabled"}`}>
      <input
        type="radio"
        name={group}
        value={node}
        checked={chosen}
        disabled={!choosable(option)}
        aria-label={node}
        aria-describedby={id}
        onChange={choose}
      />
      <span class="lgviz-mono">{node}</span>
      <span id={id} class="lgviz-faint" title={disabled ?? undefined}>
        {disabled ??
          (refuses
            ? t("takes no values")
            : next.length > 0
              ? `→ ${next.join(", ")}`
              : option.goto.length > 0
                ? t("→ by goto")
                : t("→ ends"))}
        {wrote ? ` · ${t("wrote it")}` : inferred && disabled === null && ` · ${t("LangGraph's choice")}`}
      </span>
    </label>
  );
}

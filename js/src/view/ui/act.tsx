// A button that stays reachable when it cannot be used, and says why.
import { still } from "../../lib/still";
import { useId } from "./id";

interface ActProps {
  name: string;
  act(): void;
  testid?: string;
  shortcut?: string;
  primary?: boolean;
  pressed?: boolean;
  stale?: boolean;
  /** Why it cannot be done; null where it can. */
  reason: string | null;
  hint?: string;
}

export function Act(props: ActProps) {
  return still.value ? null : <ActButton {...props} />;
}

function ActButton(props: ActProps) {
  const { name, act, testid, shortcut, primary = false, pressed, stale = false, reason, hint } = props;
  const id = useId();
  const disabled = reason !== null || stale;
  return (
    <>
      <button
        type="button"
        class={`lgviz-act${primary ? " is-primary" : ""}`}
        data-testid={testid}
        aria-label={name}
        aria-disabled={disabled}
        aria-pressed={pressed}
        aria-describedby={reason === null ? undefined : id}
        aria-keyshortcuts={shortcut}
        title={reason ?? hint}
        onClick={() => {
          if (!disabled) act();
        }}
      >
        {name}
        {shortcut && <kbd>{shortcut}</kbd>}
      </button>
      {reason !== null && (
        <span id={id} class="lgviz-sr">
          {reason}
        </span>
      )}
    </>
  );
}

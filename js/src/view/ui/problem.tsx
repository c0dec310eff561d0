// An error where it happened: its cause, and what to do about it.
import { t } from "../../lib/words";
import { ProtocolError } from "../../source/error";

interface Props {
  error: ProtocolError | { cause: string; remedy: string };
  retry?: (() => void) | undefined;
  dismiss?: (() => void) | undefined;
}

export function Problem({ error, retry, dismiss }: Props) {
  const cause = error instanceof ProtocolError ? error.message : error.cause;
  return (
    <div class="lgviz-problem" role="alert" data-testid="lgviz-error">
      <div>
        <b>{cause}</b> {error.remedy}
      </div>
      {retry && !(error instanceof ProtocolError && error.code === "gone") && (
        <button type="button" class="lgviz-link" onClick={retry}>
          {t("Try again")}
        </button>
      )}
      {dismiss && (
        <button type="button" class="lgviz-link" aria-label={t("Dismiss the error")} onClick={dismiss}>
          ✕
        </button>
      )}
    </div>
  );
}

// "Run until": a condition on the state, typed as a Python expression; only the kernel reads it.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../../lib/words";
import type { CheckpointView } from "../../protocol";
import { ProtocolError } from "../../source/error";
import { isResumable, plainRun, runAndFollow, runOn } from "../../state/acts";
import type { Store } from "../../state/store";
import { useId } from "../ui/id";

interface Props {
  store: Store;
  view: CheckpointView;
  close(): void;
}

export function UntilForm({ store, view, close }: Props) {
  const [text, setText] = useState("");
  const [error, setError] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  useLayoutEffect(() => field.current?.focus({ preventScroll: true }), []);
  const run = async () => {
    const until = text.trim();
    const request = isResumable(store, view)
      ? plainRun(view.id, { until, only: "unfinished" })
      : runOn(store, view.id, { until });
    try {
      // The code of a run is made of its condition: what is wrong with it is said before anything runs.
      await store.source.request("code_get", { act: "run", checkpoint: view.id, run: request });
    } catch (failed) {
      const { message, remedy } = ProtocolError.of(failed);
      setError(`${message} ${remedy}`.trim());
      field.current?.focus({ preventScroll: true });
      return;
    }
    close();
    void runAndFollow(store, request);
  };
  return (
    <form
      class="lgviz-popover lgviz-until"
      aria-labelledby={`${id}-name`}
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== "") void run();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      <label id={`${id}-name`} for={id}>
        {t("Run until")}
      </label>
      <input
        ref={field}
        id={id}
        type="text"
        data-testid="lgviz-until"
        spellcheck={false}
        autocomplete="off"
        placeholder="len(messages) > 4"
        value={text}
        aria-invalid={error !== null}
        aria-describedby={`${id}-hint`}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setError(null);
        }}
      />
      <button type="submit" class="lgviz-act is-primary" aria-disabled={text.trim() === ""}>
        {t("Run")}
      </button>
      <button type="button" class="lgviz-link" aria-label={t("Close")} onClick={close}>
        ✕
      </button>
      <p
        id={`${id}-hint`}
        class={error === null ? "lgviz-hint" : "lgviz-hint is-wrong"}
        role={error === null ? undefined : "alert"}
      >
        {error ??
          t("A node to stop before, or a Python expression of the channels, values and c, the checkpoint.")}
      </p>
    </form>
  );
}

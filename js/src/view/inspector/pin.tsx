// "Pin as test": a pytest file and the recorded thread beside it, kept if the test passes.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../../lib/words";
import type { CheckpointView } from "../../protocol";
import { ProtocolError } from "../../source/error";
import type { Store } from "../../state/store";
import { useId } from "../ui/id";
import { Problem } from "../ui/problem";

interface Props {
  store: Store;
  view: CheckpointView;
  close(): void;
}

export function PinForm({ store, view, close }: Props) {
  const [path, setPath] = useState(`tests/test_${view.label.replaceAll(/\W/g, "_")}.py`);
  const [live, setLive] = useState("");
  const [state, setState] = useState<"idle" | "busy" | "exists">("idle");
  const [written, setWritten] = useState<string | null>(null);
  const [error, setError] = useState<ProtocolError | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const [id, liveId] = [useId(), useId()];
  useLayoutEffect(() => field.current?.select(), []);
  const pin = async () => {
    const overwrite = state === "exists";
    setState("busy");
    setError(null);
    const nodes = live.split(/[\s,]+/).filter((node) => node !== "");
    try {
      const done = await store.source.request("pin_write", {
        checkpoint: view.id,
        path,
        live: nodes,
        overwrite,
      });
      if (done.written) setWritten(done.path);
      setState(done.written ? "idle" : "exists");
    } catch (failed) {
      setError(ProtocolError.of(failed));
      setState("idle");
    }
  };
  const typed = (set: (text: string) => void) => (event: { currentTarget: HTMLInputElement }) => {
    set(event.currentTarget.value);
    setWritten(null);
    setState("idle");
  };
  return (
    <form
      class="lgviz-popover lgviz-until is-grid"
      aria-label={t("Pin as test")}
      onSubmit={(event) => {
        event.preventDefault();
        if (state !== "busy" && path.trim() !== "") void pin();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      <label for={id}>{t("Pin as test")}</label>
      <input
        ref={field}
        id={id}
        type="text"
        data-testid="lgviz-pin-path"
        spellcheck={false}
        autocomplete="off"
        value={path}
        onInput={typed(setPath)}
      />
      <button type="button" class="lgviz-link" aria-label={t("Close")} onClick={close}>
        ✕
      </button>
      <label for={liveId}>{t("Nodes that it runs")}</label>
      <input
        id={liveId}
        type="text"
        data-testid="lgviz-pin-live"
        spellcheck={false}
        autocomplete="off"
        placeholder={t("none: history answers them")}
        value={live}
        onInput={typed(setLive)}
      />
      <button
        type="submit"
        class="lgviz-act is-primary"
        aria-disabled={state === "busy" || path.trim() === ""}
      >
        {state === "exists" ? t("Replace it") : t("Pin")}
      </button>
      {error ? (
        <div class="lgviz-pin-problem">
          <Problem error={error} />
        </div>
      ) : (
        <p class="lgviz-hint" role="status" data-testid="lgviz-pin-told">
          {state === "busy"
            ? t("Running it once in a fresh process…")
            : state === "exists"
              ? t("There is such a file.")
              : written !== null
                ? t("It passes. Written to {path}", { path: written })
                : t("Fails when the thread takes another path to here; the recorded thread lies beside it.")}
        </p>
      )}
    </form>
  );
}

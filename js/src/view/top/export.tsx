// The thread as a file: what it will contain is said before it is written.

import { useEffect, useRef, useState } from "preact/hooks";
import { bytes, thousands } from "../../lib/format";
import { t, tn } from "../../lib/words";
import type { ExportKind, ExportView } from "../../protocol";
import { ProtocolError } from "../../source/error";
import type { CopyProgress } from "../../source/types";
import type { ViewState } from "../../state/view";
import { useAsk } from "../ui/ask";
import { toClipboard } from "../ui/copy";
import { Dialog, useFocusLent } from "../ui/dialog";
import { useFocusHeld } from "../ui/focus";
import { useId } from "../ui/id";
import { Problem } from "../ui/problem";

/** What paths look like. */
const PATHS = "messages.*.content, **.api_key";

function kinds(): [ExportKind, string, string][] {
  return [
    ["html", t("HTML page"), t("to read anywhere, offline")],
    ["bundle", t("Bundle"), t("to open, import and fork elsewhere")],
    ["markdown", "Markdown", t("the tree and what is selected")],
    ["svg", "SVG", t("the tree as a drawing")],
    ["png", "PNG", t("the tree as a picture")],
    ["mermaid", "Mermaid", t("the tree as text")],
    ["dot", "GraphViz", t("the tree as text")],
  ];
}

export function Export({ view }: { view: ViewState }) {
  const { store } = view;
  const box = useRef<HTMLDivElement>(null);
  const [kind, setKind] = useState<ExportKind>("html");
  const [masked, setMasked] = useState("");
  const [progress, setProgress] = useState<CopyProgress | null>(null);
  const group = useId();
  const checkpoint = store.selected.peek();
  const redact = masked.split(",").flatMap((path) => path.trim() || []);
  const asked = useAsk(
    store.source,
    "export_plan",
    checkpoint === null ? null : { kind, checkpoint, other: store.compared.peek(), redact },
    0,
    (done) => setProgress(done as CopyProgress),
  );
  useEffect(() => setProgress(null), [kind, masked]);
  useFocusLent(box, "input");
  useTabHeld(box);
  useFocusHeld(box);
  const close = () => (view.exporting.value = false);
  const plan = asked.pending ? undefined : asked.data;
  return (
    <Dialog box={box} label={t("Export the thread")} class="lgviz-export" testid="lgviz-export" close={close}>
      <div class="lgviz-export-parts">
        <fieldset class="lgviz-export-kinds" aria-label={t("What kind of file")}>
          {kinds().map(([each, name, what]) => (
            <label key={each} class={each === kind ? "is-chosen" : ""}>
              <input
                type="radio"
                name={group}
                data-testid="lgviz-export-kind"
                data-kind={each}
                checked={each === kind}
                onChange={() => setKind(each)}
              />
              <span>
                {name}
                <small>{what}</small>
              </span>
            </label>
          ))}
        </fieldset>
        <div class="lgviz-export-file">
          {asked.error ? (
            <Problem error={asked.error} retry={asked.retry} />
          ) : (
            <Contents plan={plan} progress={progress} />
          )}
          <label class="lgviz-export-field">
            {t("Mask also")}
            <input
              type="text"
              data-testid="lgviz-export-mask"
              placeholder={PATHS}
              spellcheck={false}
              autocomplete="off"
              onChange={(event) => setMasked(event.currentTarget.value)}
            />
          </label>
          {plan && <Target key={plan.token} view={view} plan={plan} again={asked.retry} />}
        </div>
      </div>
    </Dialog>
  );
}

/** What is in the file, before it is written. */
function Contents({ plan, progress }: { plan: ExportView | undefined; progress: CopyProgress | null }) {
  if (!plan)
    return (
      <p class="lgviz-export-contents lgviz-mute" role="status">
        {progress
          ? t("Reading {done} of {total}", {
              done: thousands(progress.done),
              total: thousands(progress.total),
            })
          : t("Reading…")}
      </p>
    );
  const facts: [string, string][] = [
    [t("Checkpoints"), thousands(plan.checkpoints)],
    [t("Messages"), plan.messages ? thousands(plan.messages) : t("none")],
    [t("Memory items"), plan.items ? thousands(plan.items) : t("none")],
    [t("Size"), bytes(plan.bytes)],
  ];
  return (
    <section
      class="lgviz-export-contents"
      data-testid="lgviz-export-contents"
      aria-label={t("What it contains")}
      aria-live="polite"
    >
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p class={plan.rules ? "lgviz-mute" : "lgviz-export-open"}>
        {plan.rules
          ? tn("Masked by {n} rule of redaction.", "Masked by {n} rules of redaction.", plan.rules)
          : t("Nothing in it is masked: whoever gets it reads all of that.")}
      </p>
    </section>
  );
}

interface TargetProps {
  view: ViewState;
  plan: ExportView;
  /** Makes the file anew: what was made can be written once. */
  again(): void;
}

function Target({ view, plan, again }: TargetProps) {
  const [path, setPath] = useState(plan.path);
  const [state, setState] = useState<"idle" | "busy" | "exists">("idle");
  const [written, setWritten] = useState<string | null>(null);
  const [error, setError] = useState<ProtocolError | null>(null);
  const write = async (overwrite: boolean) => {
    setState("busy");
    setError(null);
    try {
      const done = await view.store.source.request("export_write", { token: plan.token, path, overwrite });
      setState(done.written ? "idle" : "exists");
      if (done.written) setWritten(done.path);
    } catch (failure) {
      setError(ProtocolError.of(failure));
      setState("idle");
    }
  };
  if (written !== null)
    return (
      <div class="lgviz-export-done" role="status" data-testid="lgviz-export-written">
        <span>
          {t("Written to")} <code>{written}</code>
        </span>
        <button
          type="button"
          class="lgviz-btn"
          onClick={(event) =>
            void toClipboard(written, event.currentTarget).then((done) =>
              view.say(done ? t("{what} copied", { what: t("Path") }) : t("The clipboard is denied")),
            )
          }
        >
          {t("Copy the path")}
        </button>
        <button type="button" class="lgviz-btn" onClick={again}>
          {t("Another")}
        </button>
      </div>
    );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (state !== "busy") void write(state === "exists");
      }}
    >
      <label class="lgviz-export-field">
        {t("File, beside the notebook")}
        <input
          type="text"
          data-testid="lgviz-export-path"
          spellcheck={false}
          autocomplete="off"
          value={path}
          onInput={(event) => {
            setPath(event.currentTarget.value);
            setState("idle");
          }}
        />
      </label>
      {error && <Problem error={error} />}
      <div class="lgviz-export-acts">
        {state === "exists" && (
          <span role="alert" class="lgviz-export-open">
            {t("There is such a file.")}
          </span>
        )}
        <button
          type="submit"
          class="lgviz-btn is-primary"
          data-testid="lgviz-export-write"
          aria-disabled={state === "busy"}
        >
          {state === "exists" ? t("Replace it") : t("Write")}
        </button>
      </div>
    </form>
  );
}

/** Tab stays inside. */
function useTabHeld(box: { current: HTMLDivElement | null }): void {
  useEffect(() => {
    const element = box.current as HTMLDivElement;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "Tab") return;
      const all = [...element.querySelectorAll<HTMLElement>("button, input")].filter(
        (one) => !(one instanceof HTMLInputElement && one.type === "radio" && !one.checked),
      );
      const [first, last] = [all[0], all.at(-1)];
      if (document.activeElement !== (event.shiftKey ? first : last)) return;
      event.preventDefault();
      (event.shiftKey ? last : first)?.focus();
    };
    element.addEventListener("keydown", onKeyDown);
    return () => element.removeEventListener("keydown", onKeyDown);
  }, [box]);
}

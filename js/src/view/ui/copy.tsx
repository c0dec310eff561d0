// Copying: a value, or what was done as a cell of Python.

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { still } from "../../lib/still";
import { t } from "../../lib/words";
import type { CodeRequest } from "../../protocol";
import type { Source } from "../../source/types";
import { useAsk } from "./ask";
import { useId } from "./id";
import { Problem } from "./problem";

/** Put text on the clipboard; false where the browser allows neither way. */
export async function toClipboard(text: string, near?: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return byCommand(text, near);
  }
}

/** The way that works without permission: select a hidden text field and copy it. */
function byCommand(text: string, near?: HTMLElement | null): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("aria-hidden", "true");
  area.style.cssText = "position:fixed;left:-9999px;top:0;opacity:0";
  const before = document.activeElement;
  (near?.parentElement ?? document.body).append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    area.remove();
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  }
}

interface CopyProps {
  text: () => string | Promise<string>;
  label: string;
}

/** A small button that copies a text and says so. */
export function CopyButton({ text, label }: CopyProps) {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  const [why, setWhy] = useState<string | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), 1600);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = async (event: Event) => {
    event.stopPropagation();
    try {
      setState((await toClipboard(await text(), button.current)) ? "copied" : "failed");
    } catch (error) {
      setWhy(error instanceof RangeError ? error.message : null);
      setState("failed");
    }
  };
  return (
    <button
      ref={button}
      type="button"
      class={`lgviz-copy is-${state}`}
      aria-label={label}
      title={why ?? label}
      onClick={copy}
    >
      <span aria-live="polite">
        {{ idle: t("copy"), copied: t("copied"), failed: t("cannot copy") }[state]}
      </span>
    </button>
  );
}

export interface CodeChoice {
  name: string;
  request: CodeRequest;
}

interface CodeProps {
  source: Source;
  /** What can be copied, asked for when the popover opens; the first is shown. None: it stays closed. */
  choices: () => CodeChoice[] | Promise<CodeChoice[]>;
  disabled?: string | null;
  /** What the button says where there is little room. */
  name?: string;
}

/** "Copy as Python": copies the cell and shows it, so that it works where the clipboard is denied. */
export function CopyCode(props: CodeProps) {
  return still.value ? null : <CodeButton {...props} />;
}

function CodeButton({ source, choices, disabled = null, name }: CodeProps) {
  const [open, setOpen] = useState<CodeChoice[] | null>(null);
  const anchor = useRef<HTMLDivElement>(null);
  return (
    <div class="lgviz-popover-anchor" ref={anchor}>
      <button
        type="button"
        class="lgviz-act"
        data-testid="lgviz-copy-code"
        aria-label={t("Copy as Python")}
        aria-haspopup="dialog"
        aria-expanded={open !== null}
        aria-disabled={disabled !== null}
        title={disabled ?? t("The cell that does the same")}
        onClick={async () => {
          if (disabled !== null) return;
          const found = open ? [] : await choices();
          setOpen(found.length > 0 ? found : null);
        }}
      >
        {name ?? t("Copy as Python")}
      </button>
      {open && <CodePopover anchor={anchor} source={source} choices={open} close={() => setOpen(null)} />}
    </div>
  );
}

interface PopoverProps {
  /** What it hangs on; its first button has the focus afterwards. */
  anchor: RefObject<HTMLElement | null>;
  source: Source;
  choices: CodeChoice[];
  close(): void;
}

/** The cell that was copied. */
export function CodePopover({ anchor, source, choices, close }: PopoverProps) {
  const id = useId();
  useEffect(() => {
    const outside = (event: Event) => {
      if (!event.composedPath().includes(anchor.current as EventTarget)) close();
    };
    const root = anchor.current?.getRootNode() ?? document;
    root.addEventListener("pointerdown", outside);
    return () => root.removeEventListener("pointerdown", outside);
  }, [anchor, close]);
  const closeHere = () => {
    close();
    anchor.current?.querySelector("button")?.focus({ preventScroll: true });
  };
  return (
    <div
      class="lgviz-popover"
      role="dialog"
      aria-labelledby={id}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        closeHere();
      }}
    >
      <CodeView id={id} source={source} choices={choices} close={closeHere} />
    </div>
  );
}

function CodeView(props: { id: string; source: Source; choices: CodeChoice[]; close(): void }) {
  const { id, source, choices, close } = props;
  const [index, setIndex] = useState(0);
  const [copied, setCopied] = useState<boolean | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const choice = choices[index] ?? choices[0];
  const asked = useAsk(source, "code_get", choice?.request ?? null);
  const code = asked.pending ? undefined : asked.data?.code;
  useEffect(() => {
    if (code === undefined) return;
    let wanted = true;
    void toClipboard(code, box.current).then((done) => {
      if (wanted) setCopied(done);
    });
    return () => {
      wanted = false;
    };
  }, [code]);
  useLayoutEffect(() => box.current?.focus({ preventScroll: true }), []);
  return (
    <div ref={box} tabIndex={-1}>
      <header>
        <b id={id}>{t("Copy as Python")}</b>
        {choices.length > 1 && (
          <fieldset class="lgviz-seg" aria-label={t("What the code does")}>
            {choices.map((one, i) => (
              <button type="button" key={one.name} aria-pressed={i === index} onClick={() => setIndex(i)}>
                {one.name}
              </button>
            ))}
          </fieldset>
        )}
        <span class="lgviz-faint" role="status">
          {code === undefined || copied === null
            ? ""
            : copied
              ? t("copied")
              : t("the clipboard is denied: select it")}
        </span>
        <button type="button" class="lgviz-link" aria-label={t("Close")} onClick={close}>
          ✕
        </button>
      </header>
      {asked.error ? (
        <Problem error={asked.error} retry={asked.retry} />
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: scrolled and selected by keyboard.
        <div class="lgviz-code" data-testid="lgviz-code" tabIndex={0}>
          {code ?? "…"}
        </div>
      )}
    </div>
  );
}

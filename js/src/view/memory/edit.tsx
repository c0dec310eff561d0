// Writing to memory, as it is now: what will be written is shown before it is.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Debounce } from "../../lib/debounce";
import { jsonError } from "../../lib/json";
import { t, tx } from "../../lib/words";
import type { MemoryEdit, MemoryItemView, MemoryPlan, MemoryView } from "../../protocol";
import { isCancelled, ProtocolError } from "../../source/error";
import type { MemoryState } from "../../state/memory";
import { JsonArea } from "../fork/field";
import { Channels } from "../inspector/diff";
import { Act } from "../ui/act";
import { CopyCode } from "../ui/copy";
import { useId } from "../ui/id";
import { Problem } from "../ui/problem";

interface Props {
  state: MemoryState;
  view: MemoryView;
  /** The item to edit; null: a new one. */
  item: MemoryItemView | null;
}

/** The form that edits an item or adds one. */
export function MemoryEditor({ state, view, item }: Props) {
  const { store } = state;
  const id = useId();
  const form = useRef<HTMLElement>(null);
  const [draft, setDraft] = useState(() => newDraft(item));
  const change = (part: Partial<MemoryEdit>) => setDraft({ ...draft, ...part });
  const wrong = draft.text.trim() === "" ? t("Type a value.") : jsonError(draft.text);
  const ready = wrong === null && (item !== null || (draft.namespace.trim() !== "" && draft.key !== ""));
  const planned = usePlan(state, ready ? draft : null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ProtocolError | null>(null);
  useLayoutEffect(
    () => form.current?.querySelector<HTMLElement>("input, textarea")?.focus({ preventScroll: true }),
    [],
  );
  const nothing =
    planned.plan && item !== null && planned.plan.diff.channels.length === 0 && draft.ttl === ttlOf(item)
      ? t("Nothing differs from what is remembered.")
      : null;
  const exists =
    item === null && planned.plan?.exists
      ? t("There is such an item already: open it to edit it, or take another key.")
      : null;
  const reason =
    store.lost.value ??
    (ready ? null : (wrong ?? t("Name the namespace and the key."))) ??
    (planned.error ? planned.error.message : null) ??
    exists ??
    nothing ??
    (busy ? t("It is being written.") : null);
  const write = async () => {
    setBusy(true);
    setError(null);
    try {
      const { ref } = await store.source.request("memory_put", draft);
      state.beat.value++;
      state.reveal(ref);
    } catch (failure) {
      setError(ProtocolError.of(failure));
      setBusy(false);
    }
  };
  const name = item === null ? t("New item") : t("Edit {name}", { name: item.key });
  return (
    <section ref={form} class="lgviz-memory-form" data-testid="lgviz-memory-form" aria-label={name}>
      <header class="lgviz-memory-line">
        <h3 class="lgviz-memory-title">{name}</h3>
        {item !== null && <span class="lgviz-faint lgviz-mono">{item.namespace.join(" › ")}</span>}
      </header>
      {item === null && (
        <>
          <Field name="namespace" hint={t("labels, dots between")}>
            {(fieldId) => (
              <input
                id={fieldId}
                class="lgviz-input"
                data-testid="lgviz-memory-namespace-field"
                placeholder="users.ada"
                autocomplete="off"
                spellcheck={false}
                value={draft.namespace}
                onInput={(event) => change({ namespace: event.currentTarget.value })}
              />
            )}
          </Field>
          <Field name="key">
            {(fieldId) => (
              <input
                id={fieldId}
                class="lgviz-input"
                data-testid="lgviz-memory-key-field"
                autocomplete="off"
                spellcheck={false}
                value={draft.key}
                onInput={(event) => change({ key: event.currentTarget.value })}
              />
            )}
          </Field>
        </>
      )}
      <div class="lgviz-field lgviz-memory-json" data-testid="lgviz-memory-value-field">
        <label for={`${id}-value`}>
          <span class="lgviz-mono">value</span>
          <small>JSON</small>
        </label>
        <div>
          <JsonArea
            id={`${id}-value`}
            value={draft.text}
            error={draft.text.trim() === "" ? null : wrong}
            placeholder={t('{"text": "likes tea"}')}
            change={(text) => change({ text })}
          />
        </div>
      </div>
      {view.expires && (
        <Field name="ttl" hint={t("minutes")}>
          {(fieldId) => (
            <input
              id={fieldId}
              class="lgviz-input"
              inputMode="decimal"
              autocomplete="off"
              placeholder={t("what the store gives by itself")}
              value={draft.ttl}
              onInput={(event) => change({ ttl: event.currentTarget.value })}
            />
          )}
        </Field>
      )}
      <Plan planned={planned} ready={ready} reason={exists ?? nothing} />
      {error && <Problem error={error} dismiss={() => setError(null)} />}
      <footer class="lgviz-acts">
        <Act
          name={item === null ? t("Add") : t("Write")}
          primary
          testid="lgviz-memory-write"
          reason={reason}
          act={() => void write()}
        />
        <Act name={t("Cancel")} reason={null} act={() => (state.doing.value = null)} />
        <span class="lgviz-spacer" />
        <CopyCode
          source={store.source}
          disabled={ready ? null : (wrong ?? t("Name the namespace and the key."))}
          choices={() => [
            {
              name: t("put"),
              request: {
                act: "memory",
                checkpoint: store.selected.peek() ?? "",
                memory: { act: "put", ref: draft.ref, as_of: false, edit: draft },
              },
            },
          ]}
        />
      </footer>
    </section>
  );
}

function newDraft(item: MemoryItemView | null): MemoryEdit {
  return {
    namespace: item?.namespace.join(".") ?? "",
    key: item?.key ?? "",
    text: item?.text ?? "",
    ttl: ttlOf(item),
    ref: item?.ref ?? null,
    updated_at: item?.updated_at ?? null,
  };
}

function ttlOf(item: MemoryItemView | null): string {
  return item?.ttl == null ? "" : String(item.ttl);
}

function Field(props: { name: string; hint?: string; children: (id: string) => ComponentChildren }) {
  const id = useId();
  return (
    <div class="lgviz-field">
      <label for={id}>
        <span class="lgviz-mono">{props.name}</span>
        {props.hint && <small>{props.hint}</small>}
      </label>
      <div>{props.children(id)}</div>
    </div>
  );
}

interface Planned {
  plan: MemoryPlan | null;
  error: ProtocolError | null;
  pending: boolean;
}

/** What the draft would write, asked after a pause. */
function usePlan(state: MemoryState, draft: MemoryEdit | null): Planned {
  const [planned, setPlanned] = useState<Planned & { of: string }>({
    of: "",
    plan: null,
    error: null,
    pending: false,
  });
  const debounce = useMemo(() => new Debounce(200), []);
  const key = draft === null ? "" : JSON.stringify(draft);
  useEffect(() => {
    if (draft === null) {
      debounce.cancel();
      return;
    }
    debounce.ask((signal) => {
      state.store.source.request("memory_plan", draft, { signal }).then(
        (plan) => setPlanned({ of: key, plan, error: null, pending: false }),
        (error: unknown) => {
          if (!isCancelled(error))
            setPlanned({ of: key, plan: null, error: ProtocolError.of(error), pending: false });
        },
      );
    });
    return () => debounce.cancel();
  }, [state, key, debounce]);
  if (draft === null) return { plan: null, error: null, pending: false };
  return planned.of === key ? planned : { plan: planned.plan, error: null, pending: true };
}

function Plan({ planned, ready, reason }: { planned: Planned; ready: boolean; reason: string | null }) {
  const { plan, error, pending } = planned;
  return (
    <div class="lgviz-preview-box" data-testid="lgviz-memory-plan" aria-live="polite" aria-busy={pending}>
      {error ? (
        <Problem error={error} />
      ) : !ready || !plan ? (
        <span class="lgviz-faint">{t("What will be written is shown here first.")}</span>
      ) : reason ? (
        <span class="lgviz-mute">{reason}</span>
      ) : (
        <>
          <span class="lgviz-mute">{t("will be written · nothing is written yet")}</span>
          <div class="lgviz-preview-cards">
            <Channels diff={plan.diff} />
          </div>
        </>
      )}
    </div>
  );
}

/** Asks before an item is deleted. */
export function Deletion({
  state,
  view,
  item,
}: {
  state: MemoryState;
  view: MemoryView;
  item: MemoryItemView;
}) {
  const { store } = state;
  const [error, setError] = useState<ProtocolError | null>(null);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => box.current?.querySelector("button")?.focus({ preventScroll: true }), []);
  const remove = async () => {
    try {
      await store.source.request("memory_delete", { ref: item.ref, updated_at: item.updated_at });
      state.beat.value++;
      state.choose(view.versions ? item.ref : null);
    } catch (failure) {
      setError(ProtocolError.of(failure));
    }
  };
  return (
    <div
      ref={box}
      class="lgviz-memory-deletion"
      role="alertdialog"
      aria-label={t("Delete {name}?", { name: item.key })}
      data-testid="lgviz-memory-deletion"
    >
      <p>
        {tx("Delete {name} from {namespace}?", {
          name: <b class="lgviz-mono">{item.key}</b>,
          namespace: item.namespace.join(" › "),
        })}{" "}
        {view.versions ? t("Its versions stay.") : t("This store keeps no versions: it cannot be undone.")}
      </p>
      {error && <Problem error={error} dismiss={() => setError(null)} />}
      <div class="lgviz-acts">
        <button
          type="button"
          class="lgviz-act is-danger"
          data-testid="lgviz-memory-delete-confirm"
          onClick={() => void remove()}
        >
          {t("Delete")}
        </button>
        <Act name={t("Cancel")} reason={null} act={() => (state.doing.value = null)} />
        <span class="lgviz-spacer" />
        <CopyCode
          source={store.source}
          choices={() => [
            {
              name: t("delete"),
              request: {
                act: "memory",
                checkpoint: store.selected.peek() ?? "",
                memory: { act: "delete", ref: item.ref, as_of: false },
              },
            },
          ]}
        />
      </div>
    </div>
  );
}

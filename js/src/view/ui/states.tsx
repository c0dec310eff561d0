// What is shown while there is no tree to show.

import type { ComponentChildren } from "preact";
import { t } from "../../lib/words";
import type { ProtocolError } from "../../source/error";
import type { ViewState } from "../../state/view";
import { useAsk } from "./ask";
import { CloseIcon, EmptyIcon, WarningIcon } from "./icons";

export function Loading() {
  const widths = [46, 62, 38, 55, 70, 44, 58, 36];
  return (
    <div class="lgviz-skeleton" role="status" aria-label={t("Reading the thread")}>
      {widths.map((width, index) => (
        <div key={index}>
          <i />
          <i />
          <i style={{ width: `${width}%` }} />
        </div>
      ))}
    </div>
  );
}

export function Blank(props: {
  icon: ComponentChildren;
  title: string;
  children?: ComponentChildren;
  alert?: boolean;
}) {
  return (
    <div
      class={props.alert ? "lgviz-blank is-alert" : "lgviz-blank"}
      role={props.alert ? "alert" : "status"}
      data-testid={props.alert ? "lgviz-error" : "lgviz-empty"}
    >
      {props.icon}
      <h3>{props.title}</h3>
      {props.children}
    </div>
  );
}

export function Failing({ view, error }: { view: ViewState; error: ProtocolError }) {
  const { store } = view;
  const named = error.code === "not_found" && store.wanted !== null;
  const startable = useAsk(
    store.source,
    "start_form",
    named ? { thread_id: store.wanted, turn: false } : null,
  );
  return (
    <Blank icon={<WarningIcon />} title={error.message} alert>
      {error.remedy && <p>{error.remedy}</p>}
      <div class="lgviz-row-of-buttons">
        <button type="button" class="lgviz-btn" onClick={() => void store.openThread(store.wanted)}>
          {t("Retry")}
        </button>
        {error.code === "not_found" && (
          <button type="button" class="lgviz-btn" onClick={() => void store.openThread(null)}>
            {t("Open the newest thread")}
          </button>
        )}
        {startable.data && (
          <button
            type="button"
            class="lgviz-btn"
            data-testid="lgviz-start-named"
            onClick={() => store.openStart({ turn: false, thread: store.wanted })}
          >
            {t("Start thread {thread}", { thread: `“${store.wanted}”` })}
          </button>
        )}
      </div>
    </Blank>
  );
}

/** Nothing was loaded before the kernel was gone. */
export function NoKernel({ view }: { view: ViewState }) {
  return (
    <Blank icon={<EmptyIcon />} title={t("Nothing was loaded")}>
      {view.store.source.answers !== "server" && (
        <p>{t("What it showed last stands in the static view of this output, where there is one.")}</p>
      )}
    </Blank>
  );
}

/** One line over what stays readable: why nothing else can be asked, and what to do about it. */
export function KernelGone({ view }: { view: ViewState }) {
  const why = view.store.lost.value;
  return (
    why !== null && (
      <div class="lgviz-lost" role="alert" data-testid="lgviz-kernel-gone">
        <WarningIcon />
        {why}
      </div>
    )
  );
}

/** One line over the bottom edge: an act that failed, a kernel that is silent. */
export function Notices({ view }: { view: ViewState }) {
  const { store } = view;
  const notice = store.notice.value;
  return (
    <div class="lgviz-notices">
      {store.gone.value && store.lost.value === null && (
        <div class="lgviz-notice is-warn" role="alert" data-testid="lgviz-gone">
          <span>
            {store.source.answers === "server" ? (
              <b>{t("The Jupyter server does not answer.")}</b>
            ) : (
              <>
                <b>{t("The kernel does not answer.")}</b>{" "}
                {t("It may be busy with a cell. If it was restarted, run this cell again.")}
              </>
            )}
          </span>
          <button type="button" class="lgviz-btn" onClick={() => void store.refresh()}>
            {t("Retry")}
          </button>
        </div>
      )}
      {notice && (
        <div class="lgviz-notice is-error" role="alert" data-testid="lgviz-error">
          <span>
            <b>{notice.message}</b> {notice.remedy}
          </span>
          <button
            type="button"
            class="lgviz-bare"
            aria-label={t("Dismiss")}
            onClick={() => (store.notice.value = null)}
          >
            <CloseIcon />
          </button>
        </div>
      )}
      {view.said.value && (
        <div class="lgviz-notice" role="status">
          {view.said.value}
        </div>
      )}
    </div>
  );
}

// The Raw tab: what is stored, as text.
import { t } from "../../lib/words";
import type { RawView } from "../../protocol";
import type { Source } from "../../source/types";
import { useAsk } from "../ui/ask";
import { CopyButton } from "../ui/copy";
import { Problem } from "../ui/problem";

interface Props {
  source: Source;
  checkpoint: string;
  version: unknown;
}

const PARTS: readonly (keyof RawView)[] = ["config", "metadata", "checkpoint"];

export function Raw({ source, checkpoint, version }: Props) {
  const asked = useAsk(source, "raw_get", { checkpoint }, version);
  const raw = asked.data;
  if (asked.error) return <Problem error={asked.error} retry={asked.retry} />;
  if (!raw) return <p class="lgviz-empty">…</p>;
  return (
    <div aria-busy={asked.pending}>
      {PARTS.map((part) => (
        <section
          class="lgviz-card"
          key={part}
          aria-label={t("raw {part}", { part })}
          data-testid={`lgviz-raw-${part}`}
        >
          <header>
            <b>{part}</b>
            <CopyButton label={t("Copy {name}", { name: part })} text={() => raw[part]} />
          </header>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it. */}
          <div class="lgviz-code" tabIndex={0}>
            {raw[part]}
          </div>
        </section>
      ))}
    </div>
  );
}

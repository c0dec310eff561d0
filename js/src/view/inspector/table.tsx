// A frame, a series or an array of two dimensions as a table; what an array is as a whole.

import { useEffect, useRef, useState } from "preact/hooks";
import { thousands } from "../../lib/format";
import type { Load } from "../../lib/paging";
import { t, tn } from "../../lib/words";
import type { ArrayView, TableView, ValueNode } from "../../protocol";
import { ProtocolError } from "../../source/error";
import { Problem } from "../ui/problem";

const ROWS = 50;

interface Props {
  node: ValueNode;
  path: readonly number[];
  load: Load | undefined;
}

export function Table({ node, path, load }: Props) {
  const [read, setRead] = useState<{ of: ValueNode; table: TableView; wide: boolean } | null>(null);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<{ error: ProtocolError; again(): void } | null>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), [node]);
  const known = read?.of === node ? read : { table: node.table as TableView, wide: false };
  const { table, wide } = known;
  const left = (node.size ?? 0) - table.rows.length;
  const hidden = table.width - table.columns.length;
  const ask = async (
    from: number,
    count: number,
    take: (part: TableView) => Pick<typeof known, "table" | "wide">,
  ) => {
    if (!load || busy) return;
    const mine = new AbortController();
    abort.current = mine;
    setBusy(true);
    setFailed(null);
    try {
      const { table: part } = await load(path, from, count, mine.signal);
      if (!mine.signal.aborted && part) setRead({ of: node, ...take(part) });
    } catch (failure) {
      const again = () => void ask(from, count, take);
      if (!mine.signal.aborted) setFailed({ error: ProtocolError.of(failure), again });
    } finally {
      if (!mine.signal.aborted) setBusy(false);
    }
  };
  const down = () =>
    ask(table.rows.length, ROWS, (part) => {
      const index = [...table.index, ...part.index];
      const rows = [...table.rows, ...part.rows.map((row) => row.slice(0, table.columns.length))];
      return { table: { ...table, index, rows }, wide };
    });
  // What is asked for by itself comes with more columns than what came with its state.
  const across = () => ask(0, table.rows.length, (part) => ({ table: part, wide: true }));
  const more = tn("{n} more column", "{n} more columns", hidden);
  return (
    <div class="lgviz-table-box" data-testid="lgviz-table">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled by keyboard. */}
      <section class="lgviz-table-wide" aria-label={node.type} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <td />
              {table.columns.map((column, i) => (
                <th key={i} scope="col">
                  {column}
                  {table.dtypes[i] && <span class="lgviz-type">{table.dtypes[i]}</span>}
                </th>
              ))}
              {hidden > 0 && (
                <td class="lgviz-faint">
                  {load && !wide ? (
                    <button
                      type="button"
                      class="lgviz-link"
                      aria-disabled={busy}
                      onClick={() => void across()}
                    >
                      {more}
                    </button>
                  ) : (
                    more
                  )}
                </td>
              )}
            </tr>
          </thead>
          <tbody>
            {table.rows.map((row, i) => (
              <tr key={i}>
                <th scope="row">{table.index[i]}</th>
                {row.map((cell, j) => (
                  <td key={j}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {failed && <Problem error={failed.error} retry={failed.again} />}
      {left > 0 &&
        (load ? (
          <button type="button" class="lgviz-link" aria-disabled={busy} onClick={() => void down()}>
            {busy
              ? t("loading…")
              : left > ROWS
                ? t("show {n} more rows of {total}", { n: ROWS, total: thousands(left) })
                : tn("show {n} more row", "show {n} more rows", left)}
          </button>
        ) : (
          <span class="lgviz-faint">{tn("{n} more row", "{n} more rows", left)}</span>
        ))}
    </div>
  );
}

/** `float64 · 1,000 × 3 · -1.2 to 7, mean 0.5 · 3 NaN`. */
export function arrayFacts({ dtype, shape, low, high, mean, holes }: ArrayView): string {
  const parts = [dtype, shape.length === 0 ? t("one number") : shape.map(thousands).join(" × ")];
  if (low !== null && high !== null && mean !== null)
    parts.push(t("{low} to {high}, mean {mean}", { low, high, mean }));
  if (holes) parts.push(`${thousands(holes)} NaN`);
  return parts.join(" · ");
}

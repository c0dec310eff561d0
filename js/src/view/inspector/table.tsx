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
  const sent = node.table as TableView;
  const [read, setRead] = useState<{ of: ValueNode; index: string[]; rows: string[][] } | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ProtocolError | null>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), [node]);
  const more = read?.of === node ? read : { of: node, index: [], rows: [] };
  const index = [...sent.index, ...more.index];
  const rows = [...sent.rows, ...more.rows];
  const left = (node.size ?? 0) - rows.length;
  const next = async () => {
    if (!load) return;
    const mine = new AbortController();
    abort.current = mine;
    setBusy(true);
    setError(null);
    try {
      const { table } = await load(path, rows.length, ROWS, mine.signal);
      if (mine.signal.aborted || !table) return;
      setRead({ of: node, index: [...more.index, ...table.index], rows: [...more.rows, ...table.rows] });
    } catch (failure) {
      if (!mine.signal.aborted) setError(ProtocolError.of(failure));
    } finally {
      if (!mine.signal.aborted) setBusy(false);
    }
  };
  const hidden = sent.width - sent.columns.length;
  return (
    <div class="lgviz-table-box" data-testid="lgviz-table">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled by keyboard. */}
      <section class="lgviz-table-wide" aria-label={node.type} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <td />
              {sent.columns.map((column, i) => (
                <th key={i} scope="col">
                  {column}
                  {sent.dtypes[i] && <span class="lgviz-type">{sent.dtypes[i]}</span>}
                </th>
              ))}
              {hidden > 0 && <td class="lgviz-faint">{tn("{n} more column", "{n} more columns", hidden)}</td>}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={i}>
                <th scope="row">{index[i]}</th>
                {row.map((cell, j) => (
                  <td key={j}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {error && <Problem error={error} retry={() => void next()} />}
      {left > 0 &&
        (load ? (
          <button type="button" class="lgviz-link" aria-disabled={busy} onClick={() => busy || void next()}>
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

// Aligning two sequences in bounded time, as `lgviz/analysis/align.py` does (a test holds the two against each other).

/** `a[i + k] === b[j + k]` for `k < n`, as `[i, j, n]`. */
export type Block = readonly [i: number, j: number, n: number];

type Gap = readonly [i: number, iEnd: number, j: number, jEnd: number];

/** Pairs that are looked at in one gap, and in all together. */
const SMALL = 40_000;
const TOTAL = 1_000_000;

/** The parts that two sequences share, in order, without overlap, as blocks of maximal length. */
export function align<T>(a: readonly T[], b: readonly T[]): Block[] {
  const blocks: Block[] = [];
  const gaps: Gap[] = [[0, a.length, 0, b.length]];
  let left = TOTAL;
  for (let whole = gaps.pop(); whole; whole = gaps.pop()) {
    const gap = trim(a, b, whole, blocks);
    let [i, iEnd, j, jEnd] = gap;
    const pairs = (iEnd - i) * (jEnd - j);
    if (pairs === 0) continue;
    if (pairs <= Math.min(SMALL, left)) {
      left -= pairs;
      matching(a, b, gap, blocks);
      continue;
    }
    const anchors = anchorsIn(a, b, gap);
    for (const [x, y] of anchors) {
      gaps.push([i, x, j, y]);
      blocks.push([x, y, 1]);
      [i, j] = [x + 1, y + 1];
    }
    if (anchors.length > 0) gaps.push([i, iEnd, j, jEnd]);
  }
  return merged(blocks);
}

/** The gap without what it begins and ends with on both sides. */
function trim<T>(a: readonly T[], b: readonly T[], gap: Gap, blocks: Block[]): Gap {
  let [i, iEnd, j, jEnd] = gap;
  const [start, other, end] = [i, j, iEnd];
  while (i < iEnd && j < jEnd && a[i] === b[j]) {
    i++;
    j++;
  }
  if (i > start) blocks.push([start, other, i - start]);
  while (i < iEnd && j < jEnd && a[iEnd - 1] === b[jEnd - 1]) {
    iEnd--;
    jEnd--;
  }
  if (end > iEnd) blocks.push([iEnd, jEnd, end - iEnd]);
  return [i, iEnd, j, jEnd];
}

/** The longest match first, then those before and after it, as Python's `difflib` finds them. */
function matching<T>(a: readonly T[], b: readonly T[], gap: Gap, blocks: Block[]): void {
  const places = new Map<T, number[]>();
  for (let j = gap[2]; j < gap[3]; j++) {
    const known = places.get(b[j] as T);
    if (known) known.push(j);
    else places.set(b[j] as T, [j]);
  }
  const waiting: Gap[] = [gap];
  for (let part = waiting.pop(); part; part = waiting.pop()) {
    const [i, iEnd, j, jEnd] = part;
    const [x, y, n] = longest(a, places, part);
    if (n === 0) continue;
    blocks.push([x, y, n]);
    if (i < x && j < y) waiting.push([i, x, j, y]);
    if (x + n < iEnd && y + n < jEnd) waiting.push([x + n, iEnd, y + n, jEnd]);
  }
}

function longest<T>(a: readonly T[], places: ReadonlyMap<T, number[]>, [i, iEnd, j, jEnd]: Gap): Block {
  let best: Block = [i, j, 0];
  let before = new Map<number, number>();
  for (let x = i; x < iEnd; x++) {
    const now = new Map<number, number>();
    for (const y of places.get(a[x] as T) ?? []) {
      if (y < j) continue;
      if (y >= jEnd) break;
      const n = (before.get(y - 1) ?? 0) + 1;
      now.set(y, n);
      if (n > best[2]) best = [x - n + 1, y - n + 1, n];
    }
    before = now;
  }
  return best;
}

/** What occurs exactly once on both sides, in its longest common order. */
function anchorsIn<T>(a: readonly T[], b: readonly T[], [i, iEnd, j, jEnd]: Gap): [number, number][] {
  const mine = countsOf(a.slice(i, iEnd));
  const theirs = countsOf(b.slice(j, jEnd));
  const where = new Map<T, number>();
  for (let y = j; y < jEnd; y++) if (theirs.get(b[y] as T) === 1) where.set(b[y] as T, y);
  const pairs: [number, number][] = [];
  for (let x = i; x < iEnd; x++) {
    const y = where.get(a[x] as T);
    if (y !== undefined && mine.get(a[x] as T) === 1) pairs.push([x, y]);
  }
  return increasing(pairs);
}

function countsOf<T>(items: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** The longest run of pairs whose second number grows (the first does already). */
function increasing(pairs: readonly [number, number][]): [number, number][] {
  const at: number[] = [];
  const before: number[] = [];
  pairs.forEach(([, y], k) => {
    let [low, high] = [0, at.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pairs[at[middle] as number]?.[1] ?? 0) < y) low = middle + 1;
      else high = middle;
    }
    before.push(low > 0 ? (at[low - 1] as number) : -1);
    at[low] = k;
  });
  const found: [number, number][] = [];
  for (let k = at.at(-1) ?? -1; k >= 0; k = before[k] as number) found.push(pairs[k] as [number, number]);
  return found.reverse();
}

function merged(blocks: readonly Block[]): Block[] {
  const found: Block[] = [];
  for (const [i, j, n] of [...blocks].sort((one, other) => one[0] - other[0] || one[1] - other[1])) {
    const last = found.at(-1);
    if (last && last[0] + last[2] === i && last[1] + last[2] === j)
      found[found.length - 1] = [last[0], last[1], last[2] + n];
    else found.push([i, j, n]);
  }
  return found;
}

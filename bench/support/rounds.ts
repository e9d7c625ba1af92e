/** Does something once; milliseconds, or a promise of them. */
export type Timed = () => number | Promise<number>;

const WARM_UP = 3;

/** Lets all candidates take turns, so that a busy machine slows all of them alike; milliseconds by name. */
export async function inTurn(candidates: ReadonlyMap<string, Timed>, rounds: number): Promise<ReadonlyMap<string, readonly number[]>> {
  const times = new Map<string, number[]>([...candidates.keys()].map((name) => [name, []]));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const [name, run] of candidates) {
      const milliseconds = await run();
      if (round >= 0) times.get(name)?.push(milliseconds);
    }
  }
  return times;
}

/** A clock around something. */
export function clocked(run: () => void): Timed {
  return () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  };
}

/** Value below which a share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
}

/** Middle value. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Prints minimum, median and maximum of every candidate. */
export function printTimes(times: ReadonlyMap<string, readonly number[]>): void {
  const row = (values: readonly number[]): Record<string, string> =>
    Object.fromEntries([0, 0.5, 1].map((share, i) => [['minimum', 'median', 'maximum'][i]!, quantile(values, share).toFixed(1)]));
  console.table(Object.fromEntries([...times].map(([name, values]) => [name, row(values)])));
}

/** Ratio of two candidates' medians, `0.42`; `–` where one was not measured. */
export function ratioOf(times: ReadonlyMap<string, readonly number[]>, numerator: string, denominator: string): string {
  const [a, b] = [times.get(numerator), times.get(denominator)];
  return a === undefined || b === undefined ? '–' : (median(a) / median(b)).toFixed(2);
}

import type { Cluster } from './clusters.ts';

/** Importance of every class of channels. */
export type ClassImportance = ReadonlyMap<number, number>;

/**
 * Chooses the least important classes of every cluster, floor(n·level) of n. One of each stays in any case.
 *
 * @param level share in [0, 1)
 * @returns the classes to prune
 */
export function selectByCluster(clusters: readonly Cluster[], importance: ClassImportance, level: number): Set<number> {
  return new Set(
    clusters.flatMap(({ classes }) =>
      leastImportant(classes, importance, Math.min(Math.floor(classes.length * level), classes.length - 1)),
    ),
  );
}

/** Chooses the least important classes of all clusters together, floor(n·level) of n. One of each cluster stays in any case. */
export function selectOverAll(clusters: readonly Cluster[], importance: ClassImportance, level: number): Set<number> {
  const spared = new Set(clusters.flatMap(({ classes }) => byImportance(classes, importance).slice(-1)));
  const all = clusters.flatMap(({ classes }) => classes);
  const candidates = all.filter((each) => !spared.has(each));
  return new Set(leastImportant(candidates, importance, Math.floor(all.length * level)));
}

/**
 * Spares the most important of the chosen classes until what is left of each cluster is a multiple of a number, or all of it.
 *
 * @returns the classes to prune
 */
export function spareForMultiple(
  clusters: readonly Cluster[],
  importance: ClassImportance,
  chosen: ReadonlySet<number>,
  multiple: number,
): Set<number> {
  return new Set(
    clusters.flatMap(({ classes }) => {
      const gone = classes.filter((each) => chosen.has(each));
      const left = Math.ceil((classes.length - gone.length) / multiple) * multiple;
      return leastImportant(gone, importance, Math.max(classes.length - left, 0));
    }),
  );
}

function leastImportant(classes: readonly number[], importance: ClassImportance, count: number): number[] {
  return byImportance(classes, importance).slice(0, count);
}

function byImportance(classes: readonly number[], importance: ClassImportance): number[] {
  return classes.toSorted((a, b) => (importance.get(a) ?? 0) - (importance.get(b) ?? 0));
}

/**
 * Mean importance of the filters of each class.
 *
 * @param filterImportance of one convolution's filters, by the weight's name
 * @param normalize divide by the root mean square of a convolution, so that convolutions can be compared
 */
export function classImportance(
  clusters: readonly Cluster[],
  filterImportance: ReadonlyMap<string, ArrayLike<number>>,
  normalize: boolean,
): ClassImportance {
  const sums = new Map<number, { sum: number; count: number }>();
  for (const { weight, classes } of clusters.flatMap(({ filters }) => filters)) {
    const own = Array.from(filterImportance.get(weight) ?? []);
    const scale = normalize ? Math.sqrt(own.reduce((sum, value) => sum + value * value, 0) / own.length) || 1 : 1;
    classes.forEach((channel, i) => {
      const { sum, count } = sums.get(channel) ?? { sum: 0, count: 0 };
      sums.set(channel, { sum: sum + (own[i] ?? 0) / scale, count: count + 1 });
    });
  }
  return new Map([...sums].map(([channel, { sum, count }]) => [channel, sum / count]));
}

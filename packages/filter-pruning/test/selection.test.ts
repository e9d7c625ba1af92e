import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChannelClasses } from '../src/channel-classes.ts';
import { channelMask } from '../src/channel-masks.ts';
import type { Cluster } from '../src/clusters.ts';
import { classImportance, selectByCluster, selectOverAll, spareForMultiple } from '../src/selection.ts';

const cluster = (classes: readonly number[]): Cluster => ({ classes, filters: [] });
const importance = new Map([
  [0, 5],
  [1, 1],
  [2, 3],
  [3, 2],
  [10, 0.1],
  [11, 0.2],
]);
const clusters = [cluster([0, 1, 2, 3]), cluster([10, 11])];
const sorted = (chosen: ReadonlySet<number>): number[] => [...chosen].sort((a, b) => a - b);

describe('selection', () => {
  test.each([
    [0, []],
    [0.24, []],
    [0.25, [1]],
    [0.5, [1, 3, 10]],
    [0.99, [1, 2, 3, 10]],
  ])('by cluster at level %d', (level, expected) => {
    expect(sorted(selectByCluster(clusters, importance, level))).toEqual(expected);
  });

  test.each([
    [0, []],
    [0.17, [10]],
    [0.34, [1, 10]],
    [0.99, [1, 2, 3, 10]],
  ])('over all at level %d', (level, expected) => {
    expect(sorted(selectOverAll(clusters, importance, level))).toEqual(expected);
  });

  test.each([
    [1, [1, 3, 10]],
    [2, [1, 3]],
    [3, [1]],
    [4, []],
  ])('leaves a multiple of %d in each cluster', (multiple, expected) => {
    expect(sorted(spareForMultiple(clusters, importance, new Set([1, 3, 10]), multiple))).toEqual(expected);
  });

  test('a higher level prunes what a lower one does, and one of each cluster stays', () => {
    const clustered = fc
      .array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 })
      .map((sizes) => sizes.map((size, i) => cluster(Array.from({ length: size }, (_, j) => i * 10 + j))));
    const level = fc.double({ min: 0, max: 0.999, noNaN: true });
    fc.assert(
      fc.property(clustered, level, level, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (all, a, b, stream) => {
        const values = new Map(all.flatMap(({ classes }) => classes).map((channel) => [channel, stream.next().value as number]));
        for (const select of [selectByCluster, selectOverAll]) {
          const [low, high] = [select(all, values, Math.min(a, b)), select(all, values, Math.max(a, b))];
          for (const channel of low) expect(high.has(channel)).toBe(true);
          for (const { classes } of all) expect(classes.some((channel) => !high.has(channel))).toBe(true);
        }
      }),
    );
  });
});

test('importance is the mean over the convolutions of a class, compared within each when normalized', () => {
  const filters = [
    { weight: 'a', axis: 3, classes: [0, 1] },
    { weight: 'b', axis: 3, classes: [1, 2] },
  ];
  const given = new Map([
    ['a', [3, 4]],
    ['b', [100, 200]],
  ]);
  const joined = [{ classes: [0, 1, 2], filters }];
  expect([...classImportance(joined, given, false)]).toEqual([
    [0, 3],
    [1, 52],
    [2, 200],
  ]);
  const normalized = classImportance(joined, given, true);
  const [rmsA, rmsB] = [Math.sqrt(12.5), Math.sqrt(25_000)];
  expect(normalized.get(1)).toBeCloseTo((4 / rmsA + 100 / rmsB) / 2, 9);
});

test('a mask is zero where a pruned channel is made or read, also where channels repeat', () => {
  const classes = new ChannelClasses();
  const [reads, makes] = [classes.create(2), classes.create(3)];
  const axes = [
    { axis: 1, channels: reads },
    { axis: 2, channels: makes },
  ];
  const mask = channelMask({ classes, users: [], inputs: [] }, axes, [1, 2, 3], new Set([reads[1] as number, makes[0] as number]));
  expect([...mask]).toEqual([0, 1, 1, 0, 0, 0]);
  const repeated = channelMask(
    { classes, users: [], inputs: [] },
    [{ axis: 0, channels: [...reads, ...reads] }],
    [4, 2],
    new Set([reads[0] as number]),
  );
  expect([...repeated]).toEqual([0, 0, 1, 1, 0, 0, 1, 1]);
});

test('joined channels are one class; lists that do not fit must stay', () => {
  const classes = new ChannelClasses();
  const [a, b, c] = [classes.create(2), classes.create(2), classes.create(3)];
  classes.join(a, b);
  expect(classes.classOf(a[0] as number)).toBe(classes.classOf(b[0] as number));
  expect(classes.classOf(a[0] as number)).not.toBe(classes.classOf(b[1] as number));
  classes.pin([b[1] as number]);
  expect([a, b].map((list) => list.map((channel) => classes.isPinned(channel)))).toEqual([
    [false, true],
    [false, true],
  ]);
  classes.join(a, c);
  expect([...a, ...b, ...c].every((channel) => classes.isPinned(channel))).toBe(true);
});

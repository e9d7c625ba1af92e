import { filterImportance, nmMask, type FilterImportance } from '@nncf/magnitude-sparsity';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeBackends } from '@nncf/testing/backends';

const values = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];

describeBackends('nmMask', () => {
  test('2:4 along a row', () => {
    expect(values(nmMask(tf.tensor1d([1, -4, 3, 2, 5, 0, -6, 7]), { axis: 0 }))).toEqual([0, 1, 1, 0, 0, 0, 1, 1]);
  });

  test('input channels of a dense layer and of a convolution are the second to last axis', () => {
    const dense = tf.tensor2d([1, 8, 2, 7, 3, 6, 4, 5], [4, 2]);
    expect(values(nmMask(dense))).toEqual([0, 1, 0, 1, 1, 0, 1, 0]);
    const mask = nmMask(tf.reshape(dense, [1, 1, 4, 2]));
    expect(mask.shape).toEqual([1, 1, 4, 2]);
    expect(values(mask)).toEqual([0, 1, 0, 1, 1, 0, 1, 0]);
  });

  test('of equal weights the first are kept', () => {
    expect(values(nmMask(tf.zeros([4]), { axis: 0 }))).toEqual([1, 1, 0, 0]);
    expect(values(nmMask(tf.tensor1d([1, -1, 2, 1]), { axis: 0 }))).toEqual([1, 0, 1, 0]);
  });

  test('a last group of fewer keeps n too', () => {
    expect(values(nmMask(tf.tensor1d([4, 3, 2, 1, 9, 8, 7]), { axis: -1 }))).toEqual([1, 1, 0, 0, 1, 1, 0]);
    expect(values(nmMask(tf.tensor1d([5]), { axis: -1 }))).toEqual([1]);
  });

  test('n of m is n of m: other patterns', () => {
    expect(values(nmMask(tf.tensor1d([1, 2, 3, 4]), { n: 1, m: 2, axis: 0 }))).toEqual([0, 1, 0, 1]);
    expect(values(nmMask(tf.tensor1d([1, 2]), { n: 2, m: 2, axis: 0 }))).toEqual([1, 1]);
  });

  test('every full group keeps its n largest', () => {
    const sizes = fc.record({
      outer: fc.integer({ min: 1, max: 3 }),
      groups: fc.integer({ min: 1, max: 3 }),
      inner: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 1, max: 4 }),
        fc.infiniteStream(fc.integer({ min: -3, max: 3 })),
        ({ outer, groups, inner }, n, stream) => {
          const shape: [number, number, number] = [outer, groups * 4, inner];
          const weight = tf.tensor3d([...stream.take(outer * groups * 4 * inner)], shape);
          const grouped = (of: tf.Tensor): number[][] => tf.reshape(tf.transpose(of, [0, 2, 1]), [-1, 4]).arraySync() as number[][];
          const [weights, masks] = [grouped(tf.abs(weight)), grouped(nmMask(weight, { n, m: 4 }))];
          weights.forEach((group, index) => {
            const kept = group.filter((_, at) => masks[index]?.[at] === 1);
            expect(kept).toHaveLength(n);
            expect(kept.sort()).toEqual([...group].sort().slice(-n));
          });
        },
      ),
      { numRuns: 50 },
    );
  });

  test.each([
    [{ n: 0 }, 'PATTERN_INVALID'],
    [{ n: 5 }, 'PATTERN_INVALID'],
    [{ n: 1.5 }, 'PATTERN_INVALID'],
    [{ axis: 2 }, 'AXIS_INVALID'],
    [{ axis: -3 }, 'AXIS_INVALID'],
  ])('refuses %j', (options, code) => {
    expect(() => nmMask(tf.ones([4, 4]), options)).toThrow(expect.objectContaining({ code }));
  });
});

describeBackends('filterImportance', () => {
  /** Filters (3, 4), (0, 0), (−3, 4), (6, 8) as the columns of a dense layer. */
  const columns = (): tf.Tensor2D => tf.tensor2d([3, 0, -3, 6, 4, 0, 4, 8], [2, 4]);

  test.each<[FilterImportance, number[]]>([
    ['L1', [7, 0, 7, 14]],
    ['L2', [5, 0, 5, 10]],
    ['geometric_median', [5 + 6 + 5, 5 + 5 + 10, 6 + 5 + Math.sqrt(97), 5 + 10 + Math.sqrt(97)]],
  ])('%s', (kind, expected) => {
    const convolution = tf.reshape(columns(), [1, 2, 1, 4]);
    for (const importance of [
      filterImportance(columns(), kind),
      filterImportance(convolution, kind),
      filterImportance(tf.transpose(columns()), kind, 0),
    ]) {
      expect(importance.shape).toEqual([4]);
      values(importance).forEach((value, index) => expect(value).toBeCloseTo(expected[index] as number, 4));
    }
  });

  test('equal filters far from zero are no distance apart', () => {
    const twins = tf.tensor2d([1000.25, 1000.25, 1000.25, -77.5, -77.5, -77.5], [2, 3]);
    values(filterImportance(twins, 'geometric_median')).forEach((value) => expect(value).toBeCloseTo(0, 5));
  });

  test('distances by the definition', () => {
    const filters = fc.array(fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 3, maxLength: 3 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(filters, (rows) => {
        const expected = rows.map((a) => rows.reduce((sum, b) => sum + Math.hypot(...a.map((x, i) => x - (b[i] as number))), 0));
        const actual = values(filterImportance(tf.tensor2d(rows), 'geometric_median', 0));
        actual.forEach((value, index) => expect(Math.abs(value - (expected[index] as number))).toBeLessThan(0.02));
      }),
      { numRuns: 50 },
    );
  });

  test('leaves no tensors behind', () => {
    const weight = columns();
    const before = tf.memory().numTensors;
    for (const kind of ['L1', 'L2', 'geometric_median'] as const) filterImportance(weight, kind).dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

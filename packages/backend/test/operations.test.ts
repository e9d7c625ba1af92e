/** This project's own operations against their formulas. */
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fakeQuantizeGradOperation, fakeQuantizeOperation, hasOperations, movingAverageOperation } from '../src/native/operations.ts';
import { disableTrainingKernels, enableTrainingKernels } from '../src/training-kernels.ts';
import { loadBackends, noise } from './helpers.ts';

const loaded = await loadBackends();
if (loaded.includes('tensorflow')) await tf.setBackend('tensorflow');
const compiled = hasOperations();

const f32 = Math.fround;

/** Half to even, as `tf.round`. */
function round(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The formula, each step rounded to float32. */
function quantized(x: number, low: number, range: number, levels: number): number {
  const s = f32((levels - 1) / range);
  const zeroPoint = round(f32(-low * s));
  const clamped = Math.max(Math.min(x, f32(low + range)), low);
  return f32(round(f32(f32(f32(clamped - low) * s) - zeroPoint)) / s);
}

interface Sums {
  readonly dx: number[];
  readonly dRange: number[];
  readonly dLow: number[];
}

interface Case {
  readonly x: number[];
  readonly g: number[];
  readonly low: number[];
  readonly range: number[];
  readonly levels: number;
  readonly inner: number;
  readonly ratio: number;
}

function channelOf(index: number, { low, inner }: Case): number {
  return low.length === 1 ? 0 : Math.floor(index / inner) % low.length;
}

function gradients(given: Case): Sums {
  const { x, g, low, range, levels, ratio } = given;
  const sums: Sums = { dx: [], dRange: low.map(() => 0), dLow: low.map(() => 0) };
  for (const [index, value] of x.entries()) {
    const c = channelOf(index, given);
    const [l, r, upstream] = [low[c]!, range[c]!, g[index]!];
    const over = value > f32(l + r);
    const under = value < l;
    sums.dx.push(over || under ? 0 : upstream);
    sums.dLow[c]! += over || under ? upstream : 0;
    sums.dRange[c]! += over ? upstream : under ? upstream * ratio : (upstream * (quantized(value, l, r, levels) - value)) / r;
  }
  return sums;
}

function close(actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  const scale = Math.max(1, ...expected.map(Math.abs));
  expect(actual.length).toBe(expected.length);
  for (const [index, value] of expected.entries()) expect(Math.abs(actual[index]! - value) / scale).toBeLessThan(tolerance);
}

function check(shape: number[], channels: number, inner: number, levels: number, seed: number): void {
  const values = (sizes: number[], offset: number): number[] => noise(sizes, seed + offset).values.map(f32);
  const given: Case = {
    x: values(shape, 1).map((value) => f32(value * 3)),
    g: values(shape, 2),
    low: values([channels], 3).map((value) => f32(-Math.abs(value) - 0.1)),
    range: values([channels], 4).map((value) => f32(Math.abs(value) * 2 + 0.2)),
    levels,
    inner,
    ratio: -0.5,
  };
  tf.tidy(() => {
    const grid = { low: tf.tensor1d(given.low), range: tf.tensor1d(given.range), levels, inner };
    const x = tf.tensor(given.x, shape);
    const expected = given.x.map((value, index) => {
      const c = channelOf(index, given);
      return quantized(value, given.low[c]!, given.range[c]!, levels);
    });
    expect([...fakeQuantizeOperation(x, grid).dataSync()]).toEqual(expected.map((value) => value + 0));
    const { dx, dRange, dLow } = fakeQuantizeGradOperation(tf.tensor(given.g, shape), x, { ...grid, levelRatio: given.ratio });
    const sums = gradients(given);
    expect([...dx.dataSync()]).toEqual(sums.dx);
    close(dRange.dataSync(), sums.dRange, 1e-5);
    close(dLow.dataSync(), sums.dLow, 1e-5);
    expect([dx.shape, dRange.shape, dLow.shape]).toEqual([shape, [channels], [channels]]);
  });
}

describe.runIf(compiled)('fake quantization', () => {
  beforeAll(async () => {
    await tf.setBackend('tensorflow');
  });

  it('gives the formula’s numbers on random shapes: a whole tensor, channels last, channels within', () => {
    const size = fc.integer({ min: 1, max: 9 });
    const levels = fc.constantFrom(3, 15, 16, 255, 256, 65536);
    fc.assert(
      fc.property(size, size, size, levels, fc.integer({ min: 1, max: 999 }), (outer, channels, inner, count, seed) => {
        check([outer, channels, inner], 1, 1, count, seed);
        check([outer, inner, channels], channels, 1, count, seed);
        check([outer, channels, inner], channels, inner, count, seed);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['a whole tensor', [70_001], 1, 1],
    ['channels last', [2, 33, 31, 48], 48, 1],
    ['channels within', [3, 16, 2000], 16, 2000],
  ])('gives the same when the work is shared out: %s', (_, shape, channels, inner) => {
    check(shape, channels, inner, 256, 5);
  });

  it('rounds midpoints to even, lets the bounds in, and keeps zero', () => {
    tf.tidy(() => {
      const x = tf.tensor1d([0.5, 1.5, 2.5, 127, 128, -127, -128, 0, -0.25]);
      const grid = { low: tf.scalar(-127), range: tf.scalar(254), levels: 255 };
      expect([...fakeQuantizeOperation(x, grid).dataSync()]).toEqual([0, 2, 2, 127, 127, -127, -127, 0, 0]);
      const { dx, dRange, dLow } = fakeQuantizeGradOperation(tf.onesLike(x), x, { ...grid, levelRatio: -1 });
      expect([...dx.dataSync()]).toEqual([1, 1, 1, 1, 0, 1, 0, 1, 1]);
      expect(dLow.dataSync()[0]).toBe(2);
      expect(dRange.dataSync()[0]).toBeCloseTo((-0.5 + 0.5 - 0.5 + 0.25) / 254 + 1 - 1, 6);
    });
  });

  it('lets what is not a number through, so that it is noticed', () => {
    tf.tidy(() => {
      const grid = { low: tf.scalar(0), range: tf.scalar(1), levels: 256 };
      expect([...fakeQuantizeOperation(tf.tensor1d([Number.NaN, Infinity, -Infinity]), grid).dataSync()]).toEqual([Number.NaN, 1, 0]);
    });
  });

  it('refuses channels that do not divide the tensor', () => {
    const grid = { low: tf.tensor1d([0, 0]), range: tf.tensor1d([1, 1]), levels: 256 };
    expect(() => fakeQuantizeOperation(tf.ones([3]), grid)).toThrow(/3 values do not divide into 2 channels/);
  });

  it('takes an empty tensor', () => {
    const grid = { low: tf.scalar(0), range: tf.scalar(1), levels: 256 };
    expect(fakeQuantizeOperation(tf.zeros([0, 3]), grid).shape).toEqual([0, 3]);
  });
});

describe.runIf(compiled)('moving averages', () => {
  it('are those of the layers', async () => {
    await tf.setBackend('tensorflow');
    const [a, b] = [noise([5], 1).values.map(f32), noise([3], 2).values.map(f32)];
    const [c, d] = [noise([5], 3).values.map(f32), noise([3], 4).values.map(f32)];
    const results = movingAverageOperation([tf.tensor1d(a), tf.tensor1d(b)], [tf.tensor1d(c), tf.tensor1d(d)], 0.1);
    const expected = (averages: number[], batches: number[]): number[] =>
      averages.map((average, index) => f32(average - f32(f32(average - batches[index]!) * f32(0.1))));
    expect(results.map((result) => [...result.dataSync()])).toEqual([expected(a, c), expected(b, d)]);
  });
});

describe.each(loaded)('gradients of activations at their bounds on %s', (backend) => {
  beforeEach(async () => {
    await tf.setBackend(backend);
    enableTrainingKernels();
  });
  afterEach(disableTrainingKernels);

  it.each<[string, (x: tf.Tensor) => tf.Tensor, number[]]>([
    ['relu', (x) => tf.relu(x), [0, 0, 1, 1, 1, 1]],
    ['relu6', (x) => tf.relu6(x), [0, 0, 1, 1, 1, 0]],
  ])('%s', (_, operation, expected) => {
    const gradient = tf.grad(operation)(tf.tensor1d([-1, 0, 1e-6, 3, 6, 6.5]));
    expect([...gradient.dataSync()]).toEqual(expected);
  });
});

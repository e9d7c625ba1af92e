import { availableBackends, describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  fakeQuantizeAsymmetric,
  fakeQuantizeAsymmetricLevels,
  fakeQuantizeSymmetric,
  fakeQuantizeSymmetricLevels,
} from '../src/fake-quantize.ts';
import { asymmetricLevels, levelRange, type SymmetricLevelOptions, symmetricLevels } from '../src/levels.ts';
import { expectNear, numbers, parameterIndex, randomStream } from './arrays.ts';
import { asymmetricGridOf, gradientAt, quantized, type ReferenceGrid, symmetricGridOf } from './reference.ts';

/** Value and gradients by every input for the upstream gradient `g`. */
function applied(fn: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[], g: tf.Tensor): { y: tf.Tensor; gradients: tf.Tensor[] } {
  const y = fn(...inputs);
  return { y, gradients: tf.grads(fn)(inputs, g) };
}

/** Values around grid points, up to 0.4 quanta off, a third of them outside; zeros and the ends of the range among them. */
function valuesAround(gridAt: (index: number) => ReferenceGrid, size: number, random: () => number): Float32Array {
  return Float32Array.from({ length: size }, (_, index) => {
    const { low, range, levels } = gridAt(index);
    if (index % 17 === 3) return 0;
    const quantum = range / (levels - 1);
    const level = Math.floor((random() * 1.5 - 0.25) * levels);
    return low + (level + 0.8 * random() - 0.4) * quantum;
  });
}

function sumsByParameter(terms: readonly number[], shape: readonly number[], parameterShape: readonly number[]): number[] {
  const sums = Array.from({ length: tf.util.sizeFromShape([...parameterShape]) }, () => 0);
  terms.forEach((term, index) => (sums[parameterIndex(index, shape, parameterShape)]! += term));
  return sums;
}

const ATTRIBUTES: readonly SymmetricLevelOptions[] = [
  ...[2, 3, 4, 5, 8, 12, 16].map((bits) => ({ bits, signed: true, narrowRange: false })),
  ...[2, 4, 8, 16].map((bits) => ({ bits, signed: true, narrowRange: true })),
  ...[2, 4, 8, 16].map((bits) => ({ bits, signed: false, narrowRange: false })),
  { bits: 8, signed: true, narrowRange: true, halfRange: true },
  { bits: 8, signed: false, halfRange: true },
];

const SHAPES: readonly { readonly what: string; readonly shape: number[]; readonly parameter: number[] }[] = [
  { what: 'a tensor with one scalar', shape: [6, 5, 4], parameter: [] },
  { what: 'a tensor with a parameter of one element', shape: [6, 5, 4], parameter: [1] },
  { what: 'an HWIO filter by output channel', shape: [3, 3, 4, 5], parameter: [1, 1, 1, 5] },
  { what: 'an HWCM filter by channel and multiplier', shape: [3, 3, 4, 2], parameter: [1, 1, 4, 2] },
  { what: 'an HWOI filter by output channel', shape: [3, 3, 5, 4], parameter: [1, 1, 5, 1] },
  { what: 'a dense kernel by unit', shape: [7, 6], parameter: [1, 6] },
  { what: 'an NHWC activation by channel', shape: [2, 4, 4, 6], parameter: [6] },
  { what: 'channels first', shape: [4, 3, 5], parameter: [4, 1, 1] },
  { what: 'a parameter for every value', shape: [4, 3], parameter: [4, 3] },
  { what: 'channels on two axes apart', shape: [3, 4, 5], parameter: [3, 1, 5] },
];

describeBackends('fakeQuantizeSymmetric', () => {
  it('takes the values of the table for an unsigned activation', () => {
    const x = tf.tensor1d([-2, -1, -0.3, 0, 0.31, 0.5, 1.7]);
    const { y, gradients } = applied(
      (a, b) => fakeQuantizeSymmetric(a!, b!, { bits: 8, signed: false }),
      [x, tf.scalar(1)],
      tf.onesLike(x),
    );
    expectNear(numbers(y), [0, 0, 0, 0, 79 / 255, 128 / 255, 1], 1e-6);
    expect(numbers(gradients[0]!)).toEqual([0, 0, 0, 1, 1, 1, 0]);
    expectNear(numbers(gradients[1]!), [79 / 255 - 0.31 + (128 / 255 - 0.5) + 1], 1e-5);
  });

  it('rounds midpoints half to even', () => {
    const x = tf.tensor1d([-126.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 126.5]);
    const y = fakeQuantizeSymmetric(x, tf.scalar(127), { bits: 8, signed: true, narrowRange: true });
    expect(numbers(y)).toEqual([-126, -2, -2, 0, 0, 2, 2, 4, 126]);
  });

  it('counts the bounds as inside and gives the closed-form gradients', () => {
    // S = 1 and low = −1: the quantum is 1/7, in float32 as in real numbers the ends are exact.
    const x = tf.tensor1d([-1.5, -1, 0, 0.25, 1, 1.25, 3]);
    const g = tf.tensor1d([2, 3, 5, 7, 11, 13, 17]);
    const options = { bits: 4, signed: true, narrowRange: true };
    const { y, gradients } = applied((a, b) => fakeQuantizeSymmetric(a!, b!, options), [x, tf.scalar(1)], g);
    expectNear(numbers(y), [-1, -1, 0, 2 / 7, 1, 1, 1], 1e-6, 1);
    expect(numbers(gradients[0]!)).toEqual([0, 3, 5, 7, 11, 0, 0]);
    expectNear(numbers(gradients[1]!), [-2 + (7 * (2 / 7 - 0.25)) / 2 + 13 + 17], 1e-6);
  });

  it('weights values below by the ratio of the levels', () => {
    const { gradients } = applied(
      (a, b) => fakeQuantizeSymmetric(a!, b!, { bits: 2, signed: true }),
      [tf.tensor1d([-9, 9]), tf.scalar(1)],
      tf.tensor1d([1, 10]),
    );
    expectNear(numbers(gradients[1]!), [-2 + 10], 1e-6);
  });

  it.each([-0.7, 0.7])('takes the sign of the scale %d into its gradient only', (scale) => {
    const x = tf.tensor1d([-2, 0.1, 0.52, 4]);
    const { y, gradients } = applied((a, b) => fakeQuantizeSymmetric(a!, b!, { bits: 8 }), [x, tf.scalar(scale)], tf.ones([4]));
    const grid = symmetricGridOf(Math.fround(scale), -128, 127);
    const terms = numbers(x).map((value) => gradientAt(value, 1, grid, -128 / 127).dRange);
    expectNear(
      numbers(y),
      numbers(x).map((value) => quantized(value, grid)),
      1e-6,
      1,
    );
    expectNear(numbers(gradients[1]!), [Math.sign(scale) * terms.reduce((a, b) => a + b, 0)], 1e-4);
  });

  it('has no gradient by a scale of zero and stays finite', () => {
    const x = tf.tensor1d([-1, 0, 1]);
    const { y, gradients } = applied((a, b) => fakeQuantizeSymmetric(a!, b!, { bits: 8 }), [x, tf.scalar(0)], tf.ones([3]));
    expectNear(numbers(y), [-1.007874e-16, 0, 1e-16], 1e-5, 1e-16);
    expect(numbers(gradients[1]!).map(Math.abs)).toEqual([0]);
  });

  it.each(ATTRIBUTES)('agrees with double precision, forward and gradient: %o', (options) => {
    const levels = symmetricLevels(options);
    for (const { shape, parameter } of [SHAPES[0]!, SHAPES[2]!]) checkSymmetric(levels, shape, parameter, 1);
  });

  it.each(SHAPES)('broadcasts over $what', ({ shape, parameter }) => {
    checkSymmetric(symmetricLevels({ bits: 8 }), shape, parameter, 1);
    checkSymmetric(symmetricLevels({ bits: 8, signed: false }), shape, parameter, 1);
  });

  it.each([1e-12, 1e-4, 1e6])('works at the scale %d', (size) => {
    checkSymmetric(symmetricLevels({ bits: 8, narrowRange: true }), [3, 3, 4, 5], [1, 1, 1, 5], size);
  });

  it('leaves no tensor behind', () => {
    const inputs = [tf.randomNormal([8, 6], 0, 1, 'float32', 3), tf.ones([1, 6])];
    const before = tf.memory().numTensors;
    const { y, gradients } = applied((a, b) => fakeQuantizeSymmetric(a!, b!, { bits: 8 }), inputs, tf.ones([8, 6]));
    tf.dispose([y, gradients]);
    expect(tf.memory().numTensors).toBe(before + 1);
  });
});

function checkSymmetric(levels: ReturnType<typeof levelRange>, shape: number[], parameterShape: number[], size: number): void {
  const random = randomStream(shape.length * 31 + parameterShape.length + levels.levels);
  const scales = tf.util.sizeFromShape(parameterShape);
  const scale = Float32Array.from({ length: scales }, (_, i) => size * (0.2 + random()) * (i % 3 === 1 ? -1 : 1));
  const grids = Array.from(scale, (value) => symmetricGridOf(value, levels.levelLow, levels.levelHigh));
  const gridAt = (index: number): ReferenceGrid => grids[parameterIndex(index, shape, parameterShape)]!;
  const x = valuesAround(gridAt, tf.util.sizeFromShape(shape), random);
  const g = Float32Array.from(x, () => random() * 2 - 1);
  const { y, gradients } = applied(
    (a, b) => fakeQuantizeSymmetricLevels(a!, b!, levels),
    [tf.tensor(x, shape), tf.tensor(scale, parameterShape)],
    tf.tensor(g, shape),
  );
  const expected = Array.from(x, (value, i) => gradientAt(value, g[i]!, gridAt(i), levels.levelLow / levels.levelHigh));
  const sums = sumsByParameter(
    expected.map(({ dRange }) => dRange),
    shape,
    parameterShape,
  );
  expectNear(
    numbers(y),
    Array.from(x, (value, i) => quantized(value, gridAt(i))),
    2e-6,
    size,
  );
  expect(gradients.map((gradient) => gradient.shape)).toEqual([shape, parameterShape]);
  expectNear(
    numbers(gradients[0]!),
    expected.map(({ dx }) => dx),
    1e-6,
  );
  expectNear(
    numbers(gradients[1]!),
    sums.map((sum, i) => sum * Math.sign(scale[i]!)),
    1e-4,
    0.1,
  );
}

describeBackends('fakeQuantizeAsymmetric', () => {
  it('takes the values of a table', () => {
    // Tuning leaves [−1, 2] alone: zero is level 85 of 255. The quantum is 3/255.
    const x = tf.tensor1d([-1.5, -1, -0.5, 0, 0.6, 2, 2.5]);
    const g = tf.tensor1d([2, 3, 5, 7, 11, 13, 17]);
    const { y, gradients } = applied((a, b, c) => fakeQuantizeAsymmetric(a!, b!, c!, { bits: 8 }), [x, tf.scalar(-1), tf.scalar(3)], g);
    expectNear(numbers(y), [-1, -1, -42 * (3 / 255), 0, 51 * (3 / 255), 2, 2], 1e-6, 1);
    expect(numbers(gradients[0]!)).toEqual([0, 3, 5, 7, 11, 13, 0]);
    expectNear(numbers(gradients[1]!), [2 + 17], 1e-6);
    expectNear(numbers(gradients[2]!), [(5 * (-42 * (3 / 255) + 0.5)) / 3 + 17], 1e-5);
  });

  it.each([2, 4, 8, 16])('agrees with double precision at %d bits', (bits) => {
    for (const { shape, parameter } of [SHAPES[0]!, SHAPES[2]!]) checkAsymmetric(asymmetricLevels({ bits }).levels, shape, parameter);
  });

  it.each(SHAPES)('broadcasts over $what', ({ shape, parameter }) => checkAsymmetric(256, shape, parameter));

  it('takes the sign of the range into its gradient only', () => {
    const x = tf.tensor1d([0.31, 9]);
    const of = (range: number): { y: tf.Tensor; gradients: tf.Tensor[] } =>
      applied((a, b, c) => fakeQuantizeAsymmetric(a!, b!, c!, { bits: 8 }), [x, tf.scalar(-0.5), tf.scalar(range)], tf.ones([2]));
    const [positive, negative] = [of(2), of(-2)];
    expect(numbers(negative.y)).toEqual(numbers(positive.y));
    expectNear(
      numbers(negative.gradients[2]!),
      numbers(positive.gradients[2]!).map((value) => -value),
    );
  });

  it.each([
    [0.5, 1],
    [-3, 1],
    [0, 0],
  ])('keeps zero at zero for the range from %d of width %d', (low, range) => {
    const y = fakeQuantizeAsymmetric(tf.tensor1d([0]), tf.scalar(low), tf.scalar(range), { bits: 8 });
    expect(y.dataSync()[0]).toBe(0);
  });
});

function checkAsymmetric(levels: number, shape: number[], parameterShape: number[]): void {
  const random = randomStream(shape.length * 37 + parameterShape.length + levels);
  const channels = tf.util.sizeFromShape(parameterShape);
  const low = Float32Array.from({ length: channels }, () => random() - 0.8);
  const range = Float32Array.from({ length: channels }, (_, i) => (0.5 + random()) * (i % 3 === 1 ? -1 : 1));
  const grids = Array.from(low, (value, c) => asymmetricGridOf(value, range[c]!, levels));
  const gridAt = (index: number): ReferenceGrid => grids[parameterIndex(index, shape, parameterShape)]!;
  const x = valuesAround(gridAt, tf.util.sizeFromShape(shape), random);
  const g = Float32Array.from(x, () => random() * 2 - 1);
  const { y, gradients } = applied(
    (a, b, c) => fakeQuantizeAsymmetricLevels(a!, b!, c!, levels),
    [tf.tensor(x, shape), tf.tensor(low, parameterShape), tf.tensor(range, parameterShape)],
    tf.tensor(g, shape),
  );
  const expected = Array.from(x, (value, i) => gradientAt(value, g[i]!, gridAt(i), 0));
  const dLow = sumsByParameter(
    expected.map((gradient) => gradient.dLow),
    shape,
    parameterShape,
  );
  const dRange = sumsByParameter(
    expected.map((gradient) => gradient.dRange),
    shape,
    parameterShape,
  );
  expectNear(
    numbers(y),
    Array.from(x, (value, i) => quantized(value, gridAt(i))),
    2e-6,
    1,
  );
  expectNear(
    numbers(gradients[0]!),
    expected.map(({ dx }) => dx),
    1e-6,
  );
  expectNear(numbers(gradients[1]!), dLow, 1e-4, 0.1);
  expectNear(
    numbers(gradients[2]!),
    dRange.map((sum, c) => sum * Math.sign(range[c]!)),
    1e-4,
    0.1,
  );
}

describe('fake quantization', () => {
  it.each([{ bits: 1 }, { bits: 17 }, { bits: 0 }, { bits: 7.5 }, { bits: Number.NaN }, { bits: 2, halfRange: true }])(
    'refuses %o',
    (options) => {
      const x = tf.scalar(1);
      expect(() => fakeQuantizeSymmetric(x, x, options)).toThrow(expect.objectContaining({ code: 'BITS_OUT_OF_RANGE' }));
      expect(() => fakeQuantizeAsymmetric(x, x, x, options)).toThrow(expect.objectContaining({ code: 'BITS_OUT_OF_RANGE' }));
    },
  );

  it('refuses parameters that do not broadcast', () => {
    const [x, wrong] = [tf.zeros([2, 3]), tf.ones([2])];
    const mismatch = expect.objectContaining({ code: 'SHAPE_MISMATCH' });
    expect(() => fakeQuantizeSymmetric(x, wrong, { bits: 8 })).toThrow(mismatch);
    expect(() => fakeQuantizeSymmetric(x, tf.ones([1, 2, 3]), { bits: 8 })).toThrow(mismatch);
    expect(() => fakeQuantizeAsymmetric(x, tf.ones([3]), tf.ones([1]), { bits: 8 })).toThrow(mismatch);
  });

  it.each([
    [-8, -1],
    [1, 8],
    [0, 0],
  ])('refuses the levels from %d to %d', (low, high) => {
    expect(() => levelRange(low, high)).toThrow(expect.objectContaining({ code: 'LEVELS_INVALID' }));
  });

  it('gives the same float32 numbers on every backend, close to midpoints too', async () => {
    const random = randomStream(5);
    const x = Float32Array.from({ length: 6000 }, (_, i) =>
      i % 2 === 0 ? random() * 4 - 2 : (Math.floor(random() * 300 - 150) + 0.5) * (1.3 / 127),
    );
    const results = new Map<string, number[][]>();
    for (const backend of availableBackends) {
      await tf.setBackend(backend);
      results.set(
        backend,
        tf.tidy(() => everyKind(tf.tensor(x, [60, 100]))),
      );
    }
    const [first, ...others] = results.values();
    for (const other of others) expect(other).toEqual(first);
  });
});

function everyKind(x: tf.Tensor): number[][] {
  const channels = tf.tensor(Float32Array.from({ length: 100 }, (_, c) => 0.5 + c / 100));
  return [
    fakeQuantizeSymmetric(x, tf.scalar(1.3), { bits: 8, narrowRange: true }),
    fakeQuantizeSymmetric(x, tf.scalar(1.3), { bits: 8, signed: false }),
    fakeQuantizeSymmetric(x, channels, { bits: 8 }),
    fakeQuantizeSymmetric(x, channels, { bits: 16 }),
    fakeQuantizeAsymmetric(x, tf.scalar(-0.3), tf.scalar(1.6), { bits: 8 }),
    fakeQuantizeAsymmetric(x, tf.mul(channels, -0.4), channels, { bits: 4 }),
  ].map((y) => numbers(y));
}

import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { fakeQuantizeAsymmetric, fakeQuantizeSymmetric } from '../src/fake-quantize.ts';
import { tuneRange } from '../src/tune-range.ts';
import { numbers } from './arrays.ts';

const RUNS = { numRuns: 60, seed: 7 };

/** A float32 number of ordinary size. */
const real = (limit: number): fc.Arbitrary<number> => fc.double({ min: -limit, max: limit, noNaN: true }).map(Math.fround);

const bits = fc.integer({ min: 2, max: 16 });

/** A quantizer of either kind, as a function, with the number of its levels and its lowest and highest value. */
interface Quantizer {
  readonly quantize: (x: tf.Tensor) => tf.Tensor;
  readonly levels: number;
  readonly ends: () => [low: number, high: number];
}

const symmetric: fc.Arbitrary<Quantizer> = fc
  .record({ bits, signed: fc.boolean(), narrowRange: fc.boolean(), scale: real(1e3).filter((scale) => Math.abs(scale) > 1e-3) })
  .map(({ scale, ...options }) => ({
    quantize: (x) => fakeQuantizeSymmetric(x, tf.scalar(scale), options),
    levels: 2 ** options.bits - (options.narrowRange ? 1 : 0),
    ends: () => {
      const half = 2 ** (options.bits - 1);
      const ratio = options.signed ? (half - (options.narrowRange ? 1 : 0)) / (half - 1) : 0;
      return [-Math.abs(scale) * ratio, Math.abs(scale)];
    },
  }));

const asymmetric: fc.Arbitrary<Quantizer> = fc
  .record({ bits, low: real(1e3), range: real(1e3).filter((range) => Math.abs(range) > 1e-3) })
  .map(({ bits: width, low, range }) => ({
    quantize: (x) => fakeQuantizeAsymmetric(x, tf.scalar(low), tf.scalar(range), { bits: width }),
    levels: 2 ** width,
    ends: () => {
      const tuned = tuneRange(tf.scalar(low), tf.scalar(Math.abs(range)), 2 ** width);
      const [start, extent] = [numbers(tuned.low)[0]!, numbers(tuned.range)[0]!];
      return [start, start + extent];
    },
  }));

const quantizer = fc.oneof(symmetric, asymmetric);
const values = fc.array(real(2e3), { minLength: 1, maxLength: 60 });

describeBackends('a fake quantizer', () => {
  it('leaves its own values alone', () => {
    fc.assert(
      fc.property(quantizer, values, ({ quantize }, x) => {
        const once = quantize(tf.tensor1d(x));
        expect(numbers(quantize(once))).toEqual(numbers(once));
      }),
      RUNS,
    );
  });

  it('keeps the order of values', () => {
    fc.assert(
      fc.property(quantizer, values, ({ quantize }, x) => {
        const y = numbers(quantize(tf.tensor1d(x.toSorted((a, b) => a - b))));
        expect(y).toEqual(y.toSorted((a, b) => a - b));
      }),
      RUNS,
    );
  });

  it('stays within its range, to float32', () => {
    fc.assert(
      fc.property(quantizer, values, ({ quantize, ends }, x) => {
        const [low, high] = ends();
        const slack = 1e-6 * (high - low);
        expect(numbers(quantize(tf.tensor1d(x))).filter((y) => y < low - slack || y > high + slack)).toEqual([]);
      }),
      RUNS,
    );
  });

  it('takes no more values than it has levels, and zero to zero', () => {
    fc.assert(
      fc.property(quantizer, ({ quantize, levels }) => {
        const y = numbers(quantize(tf.linspace(-1500, 1500, 2001)));
        expect(new Set(y).size).toBeLessThanOrEqual(levels);
        expect(numbers(quantize(tf.tensor1d([0])))).toEqual([0]);
      }),
      RUNS,
    );
  });
});

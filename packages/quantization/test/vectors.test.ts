import { describeBackends } from '@nncf/testing/backends';
import { withSharedVectors } from '@nncf/testing/shared-vectors';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { fakeQuantizeSymmetric } from '../src/fake-quantize.ts';
import { integerParameters } from '../src/integer-parameters.ts';
import { createRangeEstimator } from '../src/range/estimator.ts';
import { asymmetricParameters, symmetricParameters } from '../src/range/parameters.ts';
import { tuneRange } from '../src/tune-range.ts';
import { expectNear, numbers } from './arrays.ts';

/** The project's shared vectors, as far as they concern this package. */
interface Vectors {
  readonly fakeQuantize: readonly {
    readonly case: string;
    readonly scale: number;
    readonly bits: number;
    readonly signed: boolean;
    readonly narrow?: boolean;
    readonly x: number[];
    readonly y: number[];
    readonly gradX?: number[];
    readonly gradScale?: number;
    readonly upstream?: number;
  }[];
  readonly tuneRange: readonly {
    readonly low: number;
    readonly range: number;
    readonly levels: number;
    readonly zeroPoint: number;
    readonly tunedLow: number;
    readonly tunedRange: number;
  }[];
  readonly integerParameters: readonly {
    readonly levelLow: number;
    readonly levelHigh: number;
    readonly low: number;
    readonly high: number;
    readonly zeroPoint: number;
    readonly scale: number;
  }[];
  readonly rangeEstimation: {
    readonly A: number[][];
    readonly B: number[][];
    readonly minMax: { readonly global: number[]; readonly rows: { readonly min: number[]; readonly max: number[] } };
  };
  readonly percentile: {
    readonly percentiles: [number, number];
    readonly symmetricScale: number;
    readonly asymmetric: { readonly low: number; readonly range: number };
    readonly tolerance: number;
  };
}

withSharedVectors<Vectors>((vectors) => {
  describeBackends('the shared vectors', () => {
    it.each(vectors.fakeQuantize)('fake quantization: $case', (vector) => {
      const quantize = (x: tf.Tensor, scale: tf.Tensor): tf.Tensor =>
        fakeQuantizeSymmetric(x, scale, { bits: vector.bits, signed: vector.signed, narrowRange: vector.narrow ?? false });
      const inputs = [tf.tensor1d(vector.x), tf.scalar(vector.scale)];
      expectNear(numbers(quantize(inputs[0]!, inputs[1]!)), vector.y, 1e-6, 1);
      if (vector.gradX === undefined || vector.gradScale === undefined) return;
      const [dx, dScale] = tf.grads((x, scale) => quantize(x!, scale!))(inputs, tf.fill([vector.x.length], vector.upstream ?? 1));
      expectNear(numbers(dx!), vector.gradX, 1e-6, 1);
      expectNear(numbers(dScale!), [vector.gradScale], 1e-5);
    });

    it.each(vectors.tuneRange)('tuned range: $low + $range, $levels levels', (vector) => {
      const tuned = tuneRange(tf.scalar(vector.low), tf.scalar(vector.range), vector.levels);
      expect(numbers(tuned.zeroPoint)).toEqual([vector.zeroPoint]);
      expectNear([...numbers(tuned.low), ...numbers(tuned.range)], [vector.tunedLow, vector.tunedRange], 1e-6, 1);
    });

    it('range estimation', () => {
      const { A, B, minMax } = vectors.rangeEstimation;
      const whole = createRangeEstimator({ type: 'min_max' });
      const rows = createRangeEstimator({ type: 'min_max', channelAxes: [0] });
      for (const batch of [A, B]) [whole, rows].forEach((estimator) => estimator.update(tf.tensor2d(batch)));
      expectNear([...numbers(whole.range().min), ...numbers(whole.range().max)], minMax.global, 1e-6);
      expectNear([...numbers(rows.range().min), ...numbers(rows.range().max)], [...minMax.rows.min, ...minMax.rows.max], 1e-6);
    });

    it('percentiles', () => {
      const { percentiles, symmetricScale, asymmetric, tolerance } = vectors.percentile;
      const estimator = createRangeEstimator({ type: 'percentile', minPercentile: percentiles[0], maxPercentile: percentiles[1] });
      estimator.update(tf.range(0, 10000));
      const { scale } = symmetricParameters(estimator.range(), 'training');
      const { inputLow, inputRange } = asymmetricParameters(estimator.range(), 'training');
      const off = [scale, inputLow, inputRange]
        .flatMap(numbers)
        .map((value, i) => Math.abs(value - [symmetricScale, asymmetric.low, asymmetric.range][i]!));
      expect(Math.max(...off)).toBeLessThanOrEqual(tolerance);
    });
  });

  describe('the shared vectors', () => {
    it.each(vectors.integerParameters)('integer parameters of [$low, $high]', ({ low, high, levelLow, levelHigh, zeroPoint, scale }) => {
      const parameters = integerParameters({ low: [low], high: [high], levelLow, levelHigh });
      expect([...parameters.zeroPoint]).toEqual([zeroPoint]);
      expectNear([...parameters.scale], [scale], 1e-6);
    });
  });
});

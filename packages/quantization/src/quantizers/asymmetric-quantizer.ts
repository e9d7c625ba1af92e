import * as tf from '@tensorflow/tfjs-core';
import type { JsonObject } from '@nncf/core';
import { asymmetricGrid, fakeQuantizeAsymmetricLevels } from '../fake-quantize.ts';
import { asymmetricLevels, type LevelRange } from '../levels.ts';
import { asymmetricParameters, type RangePurpose } from '../range/parameters.ts';
import type { Range } from '../range/estimator.ts';
import { float32Values } from '../tensor-values.ts';
import { FakeQuantizer, type FakeQuantizerOptions, type NamedParameter, type QuantizerGrid } from './fake-quantizer.ts';
import { trainedParameter, withGradientFactor, type TrainedParameter } from './trained-parameter.ts';

/** A grid that lies where the data lie, with zero on it. Two trained parameters, lowest value and width. */
export class AsymmetricQuantizer extends FakeQuantizer {
  readonly #low: tf.Variable;
  readonly #range: TrainedParameter;

  constructor(options: FakeQuantizerOptions) {
    super(options);
    const { parameterShape, logarithmScale } = this.spec;
    this.#low = tf.tidy(() => tf.variable(tf.zeros([...parameterShape]), true));
    this.#range = trainedParameter({ shape: parameterShape, logarithm: logarithmScale, gradientFactor: this.gradientFactor });
  }

  get namedParameters(): readonly NamedParameter[] {
    return [
      { name: 'input_low', variable: this.#low },
      { name: this.spec.logarithmScale ? 'log_input_range' : 'input_range', variable: this.#range.variable },
    ];
  }

  get levels(): LevelRange {
    const { bits, halfRange } = this.spec;
    return asymmetricLevels({ bits, halfRange });
  }

  protected quantize(x: tf.Tensor): tf.Tensor {
    return fakeQuantizeAsymmetricLevels(x, withGradientFactor(this.#low, this.gradientFactor), this.#range.read(), this.levels.levels);
  }

  protected assignRange(range: Range, purpose: RangePurpose): void {
    const { inputLow, inputRange } = asymmetricParameters(range, purpose);
    this.#low.assign(tf.reshape(inputLow, this.#low.shape));
    this.#range.assign(inputRange);
  }

  grid(): QuantizerGrid {
    return tf.tidy(() => {
      const { levelLow, levelHigh, levels } = this.levels;
      const { low, range } = asymmetricGrid(this.#low, this.#range.read(), levels);
      const values = { low: float32Values(low), high: float32Values(tf.add(low, range)) };
      return { ...values, shape: low.shape, levelLow, levelHigh };
    });
  }

  protected figures(): JsonObject {
    return {};
  }

  protected assignFigures(): void {}
}

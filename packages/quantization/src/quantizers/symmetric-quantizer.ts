import * as tf from '@tensorflow/tfjs-core';
import type { JsonObject } from '@nncf/core';
import { fakeQuantizeSymmetricLevels, symmetricGrid } from '../fake-quantize.ts';
import { symmetricLevels, type LevelRange } from '../levels.ts';
import { symmetricParameters, type RangePurpose } from '../range/parameters.ts';
import type { Range } from '../range/estimator.ts';
import { float32Values } from '../tensor-values.ts';
import { FakeQuantizer, type FakeQuantizerOptions, type NamedParameter, type QuantizerGrid } from './fake-quantizer.ts';
import { trainedParameter, type TrainedParameter } from './trained-parameter.ts';

/** Zero in the middle of the grid, or at its lower end when the data have one sign. One trained parameter, the scale. */
export class SymmetricQuantizer extends FakeQuantizer {
  readonly #scale: TrainedParameter;
  #signed: boolean;

  constructor(options: FakeQuantizerOptions) {
    super(options);
    const { parameterShape, logarithmScale, signed } = this.spec;
    this.#scale = trainedParameter({ shape: parameterShape, logarithm: logarithmScale, gradientFactor: this.gradientFactor });
    // Levels on both sides serve any data until some were seen.
    this.#signed = signed ?? true;
  }

  get namedParameters(): readonly NamedParameter[] {
    return [{ name: this.spec.logarithmScale ? 'log_scale' : 'scale', variable: this.#scale.variable }];
  }

  /** Whether there are levels below zero. */
  get signed(): boolean {
    return this.#signed;
  }

  get levels(): LevelRange {
    const { bits, narrowRange, halfRange } = this.spec;
    return symmetricLevels({ bits, narrowRange, halfRange, signed: this.#signed });
  }

  protected quantize(x: tf.Tensor): tf.Tensor {
    return fakeQuantizeSymmetricLevels(x, this.#scale.read(), this.levels);
  }

  protected assignRange(range: Range, purpose: RangePurpose): void {
    const { scale, signed } = symmetricParameters(range, purpose, this.spec.signed);
    this.#scale.assign(scale);
    this.#signed = signed;
  }

  grid(): QuantizerGrid {
    return tf.tidy(() => {
      const { levelLow, levelHigh } = this.levels;
      const { low, range } = symmetricGrid(this.#scale.read(), this.levels);
      const values = { low: float32Values(low), high: float32Values(tf.add(low, range)) };
      return { ...values, shape: low.shape, levelLow, levelHigh };
    });
  }

  protected figures(): JsonObject {
    return { signed: this.#signed };
  }

  protected assignFigures(figures: JsonObject): void {
    this.#signed = figures['signed'] === true;
  }
}

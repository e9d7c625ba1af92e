import type { TensorOperator } from '@nncf/core';
import type * as tf from '@tensorflow/tfjs-core';
import { binarizeWeightsDorefa, binarizeWeightsXnor } from '../binarize-weights.ts';
import type { BinarizationMode } from '../config.ts';
import type { ActivationBinarizer } from './activation-binarizer.ts';

/** Kind of {@link WeightBinarizer}, for the exporters' mappings. */
export const BINARIZE_WEIGHTS = 'binarize-weights';

/** What both kinds of binarizers are told of exported files. */
export interface BinarizerOptions {
  /** Format of exported files when the export itself does not say. */
  readonly exportFormat?: 'qdq' | 'fakequantize' | undefined;
}

/** Binarizes a weight while it is switched on. */
export class WeightBinarizer implements TensorOperator {
  readonly kind: string = BINARIZE_WEIGHTS;
  readonly parameters: readonly tf.Variable[] = [];
  readonly mode: BinarizationMode;
  readonly exportFormat: BinarizerOptions['exportFormat'];
  /** Those of the inputs of the convolutions that read this weight. */
  readonly activations: ActivationBinarizer[] = [];
  #enabled = false;
  #revision = 0;

  constructor(mode: BinarizationMode, { exportFormat }: BinarizerOptions = {}) {
    this.mode = mode;
    this.exportFormat = exportFormat;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Whether weights are binarized now. */
  get isActive(): boolean {
    return this.#enabled;
  }

  /** Whether OpenVINO makes a binary convolution of the one that reads this weight. */
  get isPacked(): boolean {
    return this.activations[0]?.isPacked === true;
  }

  enable(enabled: boolean): void {
    if (enabled !== this.#enabled) this.#revision++;
    this.#enabled = enabled;
  }

  apply(w: tf.Tensor): tf.Tensor {
    if (!this.#enabled) return w;
    return this.mode === 'xnor' ? binarizeWeightsXnor(w) : binarizeWeightsDorefa(w);
  }
}

import type { OperatorContext, TensorOperator } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import { binarizeActivations } from '../binarize-activations.ts';
import { float32Values } from '../tensor-values.ts';
import { initialScale } from './initial-scale.ts';
import type { BinarizerOptions, WeightBinarizer } from './weight-binarizer.ts';

/** Kind of {@link ActivationBinarizer}, for the exporters' mappings. */
export const BINARIZE_ACTIVATIONS = 'binarize-activations';

/**
 * OpenVINO packs the input channels of a binary convolution into bytes, and reads past the last one where they do not fill it: its results are wrong then
 * (2026.4.1).
 */
const CHANNELS_IN_A_BYTE = 8;

/** Scale and thresholds as figures. */
export interface BinaryGrid {
  /** s: what is above the limit becomes s, the rest 0. */
  readonly scale: number;
  /** t·s for each channel, rounded to float32 as {@link binarizeActivations} does. */
  readonly limits: Float32Array;
}

/**
 * Binarizes what a convolution reads, with a trained scale (stored as its logarithm) and a trained threshold for each channel (stored as a logit, at
 * first 0). The scale is unknown until the first training batch that it is switched on for; until then, tensors pass.
 */
export class ActivationBinarizer implements TensorOperator {
  readonly kind: string = BINARIZE_ACTIVATIONS;
  readonly name: string;
  readonly logScale: tf.Variable;
  readonly thresholdLogits: tf.Variable;
  readonly exportFormat: BinarizerOptions['exportFormat'];
  #weights: WeightBinarizer | undefined;
  #place = 0;
  #enabled = false;
  #initialized = false;
  /** Take the scale from the next tensor also outside of training. */
  #eager = false;
  #revision = 0;

  /** @param channels size of the last axis of what it will binarize */
  constructor(name: string, channels: number, { exportFormat }: BinarizerOptions = {}) {
    this.name = name;
    this.exportFormat = exportFormat;
    [this.logScale, this.thresholdLogits] = tf.tidy(() => [tf.variable(tf.scalar(0)), tf.variable(tf.zeros([channels]))] as const);
  }

  get parameters(): readonly tf.Variable[] {
    return [this.logScale, this.thresholdLogits];
  }

  get revision(): number {
    return this.#revision;
  }

  /** Whether the scale is known. */
  get initialized(): boolean {
    return this.#initialized;
  }

  set initialized(initialized: boolean) {
    if (initialized !== this.#initialized) this.#revision++;
    this.#initialized = initialized;
  }

  /** Whether tensors are binarized now. */
  get isActive(): boolean {
    return this.#enabled && this.#initialized;
  }

  /** How many convolutions binarize the same value before this one. */
  get place(): number {
    return this.#place;
  }

  /**
   * Whether OpenVINO makes a binary convolution of the one that reads this: both its operands are binary, no other convolution reads the weight, and the
   * channels fill bytes.
   */
  get isPacked(): boolean {
    const fills = this.thresholdLogits.size % CHANNELS_IN_A_BYTE === 0;
    return fills && this.isActive && this.#weights?.isActive === true && this.#weights.activations.length === 1;
  }

  /** @param weights that of the convolution's filter, where it stands right at the convolution */
  link(weights: WeightBinarizer | undefined, place: number): void {
    this.#weights = weights;
    this.#place = place;
    weights?.activations.push(this);
  }

  enable(enabled: boolean): void {
    if (enabled !== this.#enabled) this.#revision++;
    this.#enabled = enabled;
  }

  /** Whether the next tensor gives the scale also outside of training. */
  set eager(eager: boolean) {
    if (eager !== this.#eager) this.#revision++;
    this.#eager = eager;
  }

  apply(x: tf.Tensor, { training }: OperatorContext): tf.Tensor {
    if (this.#enabled && !this.#initialized && (training || this.#eager)) this.initializeFrom(x);
    if (this.isActive) return binarizeActivations(x, tf.exp(this.logScale), tf.sigmoid(this.thresholdLogits));
    return training ? untouched(x, this.parameters) : x;
  }

  /** The grid as it is now. */
  grid(): BinaryGrid {
    return tf.tidy(() => {
      const scale = tf.exp(this.logScale);
      const limits = tf.mul(tf.sigmoid(this.thresholdLogits), scale);
      return { scale: float32Values(scale)[0]!, limits: Float32Array.from(float32Values(limits)) };
    });
  }

  dispose(): void {
    tf.dispose([this.logScale, this.thresholdLogits]);
  }

  private initializeFrom(x: tf.Tensor): void {
    const scale = initialScale(float32Values(x), this.name);
    tf.tidy(() => this.logScale.assign(tf.scalar(Math.log(scale))));
    this.initialized = true;
  }
}

/** x itself, with gradients of 0 for the parameters: they keep their places among an optimizer's slots, which go by position. */
function untouched(x: tf.Tensor, parameters: readonly tf.Variable[]): tf.Tensor {
  const operation = tf.customGrad((...args) => ({
    value: tf.clone(args[0] as tf.Tensor),
    gradFunc: (upstream: tf.Tensor) => [tf.clone(upstream), ...parameters.map((parameter) => tf.zeros(parameter.shape))],
  }));
  return operation(x, ...parameters);
}

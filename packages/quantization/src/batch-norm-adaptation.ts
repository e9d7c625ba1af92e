import { NncfError, type InitializeContext, type ModelGraph } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import type { BatchNormAdaptationOptions } from './config.ts';

const DEFAULT_SAMPLES = 2000;
/** Share of the old statistics that a step of the first phase keeps. */
const FORGETTING_MOMENTUM = 0.1;
/** Large against any mean: what remains of it after a step tells the layer's momentum. */
const PROBE = 1e4;

/** What {@link adaptBatchNorm} works on. */
export interface BatchNormAdaptation {
  readonly options: BatchNormAdaptationOptions;
  readonly graph: ModelGraph;
  readonly variables: ReadonlyMap<string, tf.Variable>;
  readonly context: InitializeContext;
  /** Samples in a batch; 0 when unknown. */
  readonly batchSize: number;
  readonly warn: (message: string) => void;
}

/**
 * Brings the moving statistics of batch normalization in line with the quantized model by forward passes in training mode. First, if
 * `num_bn_forget_samples` says so, with a momentum of 0.1, which needs one batch more to find out the layers' own momentum. Layers that act in
 * training only, such as dropout, are at work in these passes.
 *
 * @throws NncfError `CALIBRATION_EMPTY`, `BATCH_SIZE_UNKNOWN`
 */
export async function adaptBatchNorm(adaptation: BatchNormAdaptation): Promise<void> {
  const { options, context, batchSize, warn } = adaptation;
  const moving = movingStatistics(adaptation);
  const adapt = batchCount(options.num_bn_adaptation_steps, options.num_bn_adaptation_samples ?? DEFAULT_SAMPLES, batchSize);
  const forget = batchCount(options.num_bn_forget_steps, options.num_bn_forget_samples ?? 0, batchSize);
  if (moving.length === 0 || adapt === 0) return;
  const forgetting = forget > 0 ? moving.map((statistics) => new Forgetting(statistics)) : [];
  const maxBatches = adapt + (forget > 0 ? forget + 1 : 0);
  const onBatch = (index: number): void => {
    if (index <= forget) for (const layer of forgetting) layer.endStep();
    if (index === 0 && forgetting.some(({ moves }) => !moves)) warn(UNMOVED);
    context.progress('batch normalization', index + 1, maxBatches);
  };
  try {
    await context.run({ maxBatches, training: true, onBatch });
  } finally {
    for (const layer of forgetting) layer.dispose();
  }
}

const UNMOVED = 'num_bn_forget_samples: some statistics of batch normalization do not follow the batches, so they are not forgotten.';

/** Moving mean and variance of one layer. */
interface MovingStatistics {
  readonly mean: tf.Variable;
  readonly variance: tf.Variable;
}

function movingStatistics({ graph, variables }: BatchNormAdaptation): readonly MovingStatistics[] {
  const found = new Map<tf.Variable, MovingStatistics>();
  for (const node of graph.nodes.filter(({ op }) => op === 'FusedBatchNorm')) {
    const names = (node.attrs['inputNames'] ?? []) as readonly string[];
    const operand = (name: string): tf.Variable | undefined =>
      variables.get(graph.values[node.inputs[names.indexOf(name)] ?? -1]?.name ?? '');
    const [mean, variance] = [operand('mean'), operand('variance')];
    if (mean !== undefined && variance !== undefined) found.set(mean, { mean, variance });
  }
  return [...found.values()];
}

function batchCount(steps: number | undefined, samples: number, batchSize: number): number {
  if (steps !== undefined) return steps;
  if (samples === 0) return 0;
  if (batchSize === 0) throw batchSizeUnknown();
  return Math.ceil(samples / batchSize);
}

/**
 * Statistics of training passes do not depend on the moving ones, so these may hold anything meanwhile: with a mean of K before a step,
 * m·K + (1 − m)·batch after it gives the momentum m, and from then on every step gives its batch's own statistics.
 */
class Forgetting {
  readonly #statistics: MovingStatistics;
  #mean: tf.Tensor;
  #variance: tf.Tensor;
  /** Momentum of the layer; undefined until the first step told it. */
  #momentum: number | undefined;

  constructor(statistics: MovingStatistics) {
    this.#statistics = statistics;
    this.#mean = tf.clone(statistics.mean);
    this.#variance = tf.clone(statistics.variance);
    const { mean } = statistics;
    tf.tidy(() => mean.assign(tf.fill(mean.shape, PROBE)));
  }

  /** Whether the layer follows its batches at all. */
  get moves(): boolean {
    return this.#momentum !== undefined && this.#momentum > 0 && this.#momentum < 0.9999;
  }

  /** After a step: the first tells the momentum, the others are made bigger. */
  endStep(): void {
    if (this.#momentum === undefined) this.restore();
    else if (this.moves) this.speedUp(this.#momentum);
    this.remember();
  }

  dispose(): void {
    if (this.#momentum === undefined) this.restore();
    tf.dispose([this.#mean, this.#variance]);
  }

  private restore(): void {
    const { mean, variance } = this.#statistics;
    this.#momentum = (tf.tidy(() => tf.mean(mean).dataSync()[0]) ?? PROBE) / PROBE;
    mean.assign(this.#mean);
    variance.assign(this.#variance);
  }

  /** Replaces m·old + (1 − m)·batch by 0.1·old + 0.9·batch. */
  private speedUp(momentum: number): void {
    const grow = (variable: tf.Variable, old: tf.Tensor): void =>
      tf.tidy(() => {
        const batch = tf.div(tf.sub(variable, tf.mul(old, momentum)), 1 - momentum);
        variable.assign(tf.add(tf.mul(old, FORGETTING_MOMENTUM), tf.mul(batch, 1 - FORGETTING_MOMENTUM)));
      });
    grow(this.#statistics.mean, this.#mean);
    grow(this.#statistics.variance, this.#variance);
  }

  private remember(): void {
    tf.dispose([this.#mean, this.#variance]);
    this.#mean = tf.clone(this.#statistics.mean);
    this.#variance = tf.clone(this.#statistics.variance);
  }
}

function batchSizeUnknown(): NncfError {
  return new NncfError({
    source: 'quantization',
    code: 'BATCH_SIZE_UNKNOWN',
    message: 'The calibration data do not tell how many samples a batch has, so the batches for batch normalization cannot be counted.',
    hint: 'Give an array of batches, or say "num_bn_adaptation_steps" in batches.',
  });
}

import { NncfError, type InitializeContext, type NodeObserver } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import type { CollectionLimit, FakeQuantizer } from './quantizers/fake-quantizer.ts';
import type { RangePurpose } from './range/parameters.ts';

/** A quantizer of weights, and the weights. */
export interface WeightQuantizer {
  readonly quantizer: FakeQuantizer;
  readonly variables: readonly tf.Variable[];
}

/** What ranges are found for. */
export interface RangeTargets {
  readonly weights: readonly WeightQuantizer[];
  readonly activations: readonly FakeQuantizer[];
  /** @default 'training' */
  readonly purpose?: RangePurpose;
  /** Look on while the model runs in floating point. */
  readonly observers?: readonly NodeObserver[];
}

/**
 * Gives every quantizer its first range while none of them rounds: weights from their values, activations from batches.
 *
 * @returns samples in a batch as far as they are known, else 0
 * @throws NncfError `CALIBRATION_EMPTY`, `RANGE_NO_DATA`, `RANGE_NOT_FINITE` that name the quantizer; no range has changed then
 */
export async function initializeRanges(targets: RangeTargets, context: InitializeContext): Promise<number> {
  const { weights, activations, purpose, observers } = targets;
  const all = [...weights.map(({ quantizer }) => quantizer), ...activations];
  const fromData = activations.filter((quantizer) => wanted(quantizer) > 0);
  const unseen = activations.filter((quantizer) => wanted(quantizer) === 0);
  requireData(fromData, context);
  try {
    for (const quantizer of all) quantizer.startCollecting(limitOf(quantizer, context.batchSize));
    for (const { quantizer, variables } of weights) for (const variable of variables) quantizer.observe(variable);
    const batchSize = await collect(fromData, context, observers);
    adoptAll([...weights.map(({ quantizer }) => quantizer), ...fromData], purpose);
    for (const quantizer of unseen) quantizer.adopt();
    return batchSize;
  } finally {
    for (const quantizer of all) quantizer.cancelCollecting();
  }
}

/** Takes the ranges of weights anew. @throws NncfError `RANGE_NOT_FINITE` */
export function estimateWeights(weights: readonly WeightQuantizer[]): void {
  for (const { quantizer, variables } of weights) {
    quantizer.startCollecting({ batches: 1 });
    for (const variable of variables) quantizer.observe(variable);
  }
  adoptAll(weights.map(({ quantizer }) => quantizer));
}

/** Batches or samples that a quantizer wants to see. */
function wanted({ spec }: FakeQuantizer): number {
  return spec.range.batches ?? spec.range.samples;
}

function limitOf({ spec, isWeight }: FakeQuantizer, batchSize: number): CollectionLimit {
  const { batches, samples } = spec.range;
  if (isWeight) return { batches: 1 };
  if (batches !== undefined) return { batches };
  return batchSize > 0 ? { batches: Math.ceil(samples / batchSize) } : { samples };
}

/** Every range is looked at before the first is taken, so that a bad one leaves the others as they were. */
function adoptAll(quantizers: readonly FakeQuantizer[], purpose?: RangePurpose): void {
  tf.tidy(() => {
    const ranges = quantizers.map((quantizer) => quantizer.collectedRange());
    quantizers.forEach((quantizer, i) => quantizer.adopt(ranges[i], purpose));
  });
}

async function collect(
  quantizers: readonly FakeQuantizer[],
  context: InitializeContext,
  observers: readonly NodeObserver[] = [],
): Promise<number> {
  if (quantizers.length === 0) return context.batchSize;
  const limits = quantizers.map((quantizer) => limitOf(quantizer, context.batchSize));
  const maxBatches = Math.max(...limits.map((limit) => ('batches' in limit ? limit.batches : limit.samples)));
  let batchSize = context.batchSize;
  const onBatch = (index: number, samples: number): 'stop' | undefined => {
    for (const quantizer of quantizers) quantizer.endBatch();
    if (batchSize === 0) batchSize = samples;
    context.progress('ranges', index + 1, batchesNeeded(limits, batchSize));
    return quantizers.every(({ isSatisfied }) => isSatisfied) ? 'stop' : undefined;
  };
  await context.run({ maxBatches, onBatch, observers });
  return batchSize;
}

function batchesNeeded(limits: readonly CollectionLimit[], batchSize: number): number {
  return Math.max(...limits.map((limit) => ('batches' in limit ? limit.batches : Math.ceil(limit.samples / Math.max(1, batchSize)))));
}

function requireData(quantizers: readonly FakeQuantizer[], { hasData }: InitializeContext): void {
  const [first] = quantizers;
  if (first === undefined || hasData) return;
  throw new NncfError({
    source: 'quantization',
    code: 'CALIBRATION_EMPTY',
    message: `${quantizers.length} quantizers of activations, first that of ${first.name}, need data for their ranges.`,
    hint: 'Call initialize(data) with batches of the training set, or set "num_init_samples": 0 to start from a scale of 1.',
  });
}

import { clone, dispose, reshape, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import type { LabelledBatch } from '../algorithm/definition.ts';
import { NncfError } from '../errors.ts';
import type { ModelAdapter } from '../graph/model-adapter.ts';

/**
 * The task's loss: a scalar from what the model computes for a batch and the batch itself, labels included.
 *
 * @param output the model's output, the first one where there are several
 * @param batch as the data gave it
 * @param outputs all outputs
 */
export type TaskLoss<Batch> = (output: Tensor, batch: Batch, outputs: readonly Tensor[]) => Tensor;

/**
 * Keeps a copy of a batch with the loss of it.
 *
 * @param inputsOf finds the model's inputs in the copy
 */
export function labelledBatch(
  adapter: ModelAdapter,
  batch: unknown,
  inputsOf: (batch: unknown) => readonly Tensor[],
  loss: TaskLoss<never>,
): LabelledBatch {
  const kept = copyOf(batch);
  const inputs = inputsOf(kept);
  return {
    samples: inputs[0]?.shape[0] ?? 0,
    loss: () => {
      const outputs = adapter.forward(inputs, false);
      return scalarOf(loss(outputs[0] as Tensor, kept as never, outputs));
    },
    dispose: () => dispose(kept as Tensor),
  };
}

/** The same arrays and records with tensors that live on their own. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null) return value;
  if ('dataSync' in value) return clone(value as Tensor);
  const isRecord = [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);
  return isRecord ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copyOf(each)])) : value;
}

function scalarOf(loss: unknown): Scalar {
  if (typeof loss === 'object' && loss !== null && 'dataSync' in loss && (loss as Tensor).size === 1) return reshape(loss as Tensor, []);
  const found = typeof loss === 'object' && loss !== null && 'shape' in loss ? `a tensor of shape [${String(loss.shape)}]` : typeof loss;
  throw new NncfError({
    code: 'LOSS_INVALID',
    message: `The loss that was given to initialize() returned ${found}; a scalar is needed.`,
    hint: 'Return the mean over the batch: loss: (output, [, labels]) => tf.losses.softmaxCrossEntropy(labels, output).',
  });
}

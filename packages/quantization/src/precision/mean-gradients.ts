import type { LabelledBatch } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import type { GradientsOf } from './hessian-trace.ts';

/** Gradients of the mean loss over batches, each batch counted by its samples. */
export function meanGradients(batches: readonly LabelledBatch[]): GradientsOf {
  const total = batches.reduce((sum, { samples }) => sum + samples, 0);
  return (weights) =>
    batches.reduce<readonly tf.Tensor[]>(
      (sums, batch) => addedUp(sums, batch, batch.samples / total, weights),
      weights.map((weight) => tf.zerosLike(weight)),
    );
}

/** Adds a batch's share and frees what it replaces: one set of gradients is alive between batches. */
function addedUp(sums: readonly tf.Tensor[], batch: LabelledBatch, share: number, weights: readonly tf.Variable[]): readonly tf.Tensor[] {
  const next = tf.tidy(() => {
    // Not `variableGrads`: it leaves out weights that are frozen, and those are quantized too.
    const { grads } = tf.engine().gradients(() => batch.loss(), [...weights]);
    return sums.map((sum, i) => {
      const gradient: tf.Tensor | undefined = grads[i];
      return gradient === undefined ? tf.clone(sum) : tf.add(sum, tf.mul(gradient, share));
    });
  });
  tf.dispose([...sums]);
  return next;
}

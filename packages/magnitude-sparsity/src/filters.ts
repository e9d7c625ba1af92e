import * as tf from '@tensorflow/tfjs-core';
import { resolveAxis } from './axis.ts';

/** How filters are compared: by the sum or the length of their weights, or by how little the others can stand in for them. */
export type FilterImportance = 'L1' | 'L2' | 'geometric_median';

/**
 * Importance of every filter of a layer; the least important ones are the first to be pruned.
 * - `L1`: Σ|w| (Li et al., arXiv 1608.08710);
 * - `L2`: √Σw²;
 * - `geometric_median`: Σ_j ‖f − f_j‖₂ over the filters of the layer: small near their geometric median, where the others hold
 *   the same information (He et al., arXiv 1811.00250).
 *
 * @param weight a layer's weights
 * @param axis axis of the filters, negative from the end; the last one in HWIO and dense layers
 * @returns shape [filters]
 * @throws NncfError `AXIS_INVALID`
 */
export function filterImportance(weight: tf.Tensor, kind: FilterImportance, axis: number = -1): tf.Tensor1D {
  return tf.tidy(() => {
    const rows = filterRows(weight, resolveAxis(axis, weight.rank));
    return { L1: rowL1, L2: rowL2, geometric_median: distanceSums }[kind](rows);
  });
}

/** One filter a row, shape [filters, weights of a filter]. */
function filterRows(weight: tf.Tensor, axis: number): tf.Tensor2D {
  const others = weight.shape.map((_, index) => index).filter((index) => index !== axis);
  return tf.reshape(tf.transpose(weight, [axis, ...others]), [weight.shape[axis] as number, -1]);
}

function rowL1(rows: tf.Tensor2D): tf.Tensor1D {
  return tf.sum(tf.abs(rows), 1);
}

function rowL2(rows: tf.Tensor2D): tf.Tensor1D {
  return tf.sqrt(tf.sum(tf.square(rows), 1));
}

/** ‖a − b‖² = ‖a‖² + ‖b‖² − 2ab. The mean filter is taken away first: it changes no distance, and less is lost in the difference. */
function distanceSums(rows: tf.Tensor2D): tf.Tensor1D {
  const centered = tf.sub(rows, tf.mean(rows, 0, true));
  const squares = tf.sum(tf.square(centered), 1, true);
  const products = tf.matMul(centered, centered, false, true);
  const distances = tf.sqrt(tf.relu(tf.sub(tf.add(squares, tf.transpose(squares)), tf.mul(products, 2))));
  const others = tf.sub(1, tf.eye(rows.shape[0]));
  return tf.sum(tf.mul(distances, others), 1);
}

import * as tf from '@tensorflow/tfjs-core';
import { optionInvalid, shapeMismatch } from './errors.ts';

/** How outputs of student and teacher are compared. */
export interface DistillationLossOptions {
  /**
   * `softmax`: divergence of the student's classes from the teacher's (Hinton et al., arXiv 1503.02531). `mse`: mean squared difference of the outputs,
   * which need not be logits. @default 'softmax'
   */
  readonly type?: 'softmax' | 'mse' | undefined;
  /** Both softmaxes are of logits/T; above 1 the teacher's unlikely classes count more. Without meaning for `mse`. @default 1 */
  readonly temperature?: number | undefined;
}

/**
 * How far a student's output is from its teacher's.
 *
 *     softmax: T²·mean Σ_c p_c·log(p_c/q_c),  p = softmax(teacher/T), q = softmax(student/T)
 *     mse:     mean (student − teacher)²
 *
 * The mean runs over all but the last axis, for `mse` over all. The gradient by the student is that of the cross entropy of q with p; the teacher gets
 * none. T² keeps its size when the temperature changes.
 *
 * @param student `[…, classes]`, logits for `softmax`
 * @param teacher the same shape
 * @returns a scalar, 0 where both agree
 * @throws NncfError `SHAPE_MISMATCH`, `DISTILLATION_INVALID`
 */
export function distillationLoss(student: tf.Tensor, teacher: tf.Tensor, options: DistillationLossOptions = {}): tf.Scalar {
  const { type = 'softmax', temperature = 1 } = options;
  if (!tf.util.arraysEqual(student.shape, teacher.shape)) throw shapeMismatch(student.shape, teacher.shape);
  if (!(temperature > 0 && temperature < Infinity)) throw optionInvalid('temperature', temperature, 'a number above 0');
  return tf.tidy(() =>
    type === 'mse' ? tf.mean(tf.squaredDifference(student, fixed(teacher))) : divergence(student, teacher, temperature),
  );
}

function divergence(student: tf.Tensor, teacher: tf.Tensor, temperature: number): tf.Scalar {
  const [q, p] = [student, fixed(teacher)].map((logits) => tf.logSoftmax(tf.div(logits, temperature)));
  const perSample = tf.sum(tf.mul(tf.exp(p!), tf.sub(p!, q!)), -1);
  return tf.mul(tf.mean(perSample), temperature ** 2);
}

/** x as a constant of the gradient. */
function fixed(x: tf.Tensor): tf.Tensor {
  const operation = tf.customGrad((input) => ({
    value: tf.clone(input as tf.Tensor),
    gradFunc: (upstream: tf.Tensor) => tf.zerosLike(upstream),
  }));
  return operation(x);
}

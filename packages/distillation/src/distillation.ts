import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { distillationLoss, type DistillationLossOptions } from './distillation-loss.ts';
import { labelsUnsupported, optionInvalid, shapeMismatch, teacherUnsupported } from './errors.ts';

/** Whom the student learns from: a model with one output, or a function from a batch to outputs. */
export type Teacher = LayersModel | ((x: tf.Tensor) => tf.Tensor);

/** How a student learns from a teacher. */
export interface DistillationOptions extends DistillationLossOptions {
  /** Factor on the loss. @default 1 */
  readonly weight?: number | undefined;
}

/**
 * Knowledge distillation (Hinton et al., arXiv 1503.02531): beside the task's loss a student minimises the distance of its outputs from a teacher's, as
 * the binary networks of arXiv 2002.08679 do with their floating-point selves. It knows nothing of the student, so that any compression can be at work there.
 */
export class Distillation {
  readonly #teacher: (x: tf.Tensor) => tf.Tensor;
  readonly #options: DistillationOptions;
  readonly #weight: number;

  /** @throws NncfError `DISTILLATION_INVALID` */
  constructor(teacher: Teacher, options: DistillationOptions = {}) {
    const { weight = 1, temperature = 1 } = options;
    if (!(weight >= 0 && weight < Infinity)) throw optionInvalid('weight', weight, '0 or more');
    if (!(temperature > 0 && temperature < Infinity)) throw optionInvalid('temperature', temperature, 'a number above 0');
    this.#teacher = typeof teacher === 'function' ? teacher : (x) => teacher.apply(x, { training: false }) as tf.Tensor;
    this.#options = options;
    this.#weight = weight;
  }

  /**
   * What the teacher answers, as a constant: nothing of its computation is kept for gradients.
   *
   * @param x a batch as the student gets it, augmentation included
   * @throws NncfError `MODEL_UNSUPPORTED`
   */
  answer(x: tf.Tensor): tf.Tensor {
    const operation = tf.customGrad((input) => ({
      value: checked(this.#teacher(input as tf.Tensor)),
      gradFunc: () => tf.zerosLike(x),
    }));
    return operation(x);
  }

  /**
   * The term that joins the task's loss, weight included; see {@link distillationLoss}.
   *
   * @param x the batch
   * @param student its output for it, on the gradient tape
   */
  loss(x: tf.Tensor, student: tf.Tensor): tf.Scalar {
    return tf.tidy(() => tf.mul(distillationLoss(student, this.answer(x), this.#options), this.#weight));
  }

  /**
   * Labels for `fit`, which hands no batch to its loss: (y + weight·p)/(1 + weight) with the teacher's classes p. Their cross entropy is that of y and of p
   * together, over 1 + weight, so that training minimises the same.
   *
   * @param y one-hot labels, or any that add up to 1
   * @throws NncfError `DISTILLATION_INVALID` unless the distance is that of softmaxes at temperature 1, which alone can be said by labels
   */
  labels(x: tf.Tensor, y: tf.Tensor): tf.Tensor {
    const { type = 'softmax', temperature = 1 } = this.#options;
    if (type !== 'softmax' || temperature !== 1) throw labelsUnsupported();
    return tf.tidy(() => {
      const classes = tf.softmax(this.answer(x));
      if (!tf.util.arraysEqual(y.shape, classes.shape)) throw shapeMismatch(y.shape, classes.shape);
      return tf.div(tf.add(y, tf.mul(classes, this.#weight)), 1 + this.#weight);
    });
  }
}

function checked(output: unknown): tf.Tensor {
  if (output instanceof tf.Tensor) return output;
  throw teacherUnsupported();
}

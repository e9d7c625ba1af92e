import type * as tf from '@tensorflow/tfjs-core';
import { attributesOf, nativeOp, runKernels, type NativeAttributes } from '../kernel-map.ts';
import { batchNormGradOperation, batchNormOperation, hasOperations } from './operations.ts';

/** Kernel name of batch normalization with the batch's own statistics; TensorFlow's operation of that name on tfjs-node. */
export const BATCH_NORM_TRAINING = 'FusedBatchNormV3';

/** Kernel name of its gradient. */
export const BATCH_NORM_TRAINING_GRAD = 'FusedBatchNormGradV3';

/** Attributes of both kernels. */
export interface BatchNormAttributes {
  readonly epsilon: number;
}

/** One attribute object for each epsilon, so that its translation is made once. */
const byEpsilon = new Map<number, NativeAttributes>();

function nativeAttributes(attributes: tf.NamedAttrMap | undefined): NativeAttributes {
  const { epsilon } = attributesOf<BatchNormAttributes>(attributes);
  const known = byEpsilon.get(epsilon);
  if (known !== undefined) return known;
  const made: NativeAttributes = {
    T: { type: 'float32' },
    U: { type: 'float32' },
    epsilon: { float: epsilon },
    data_format: { string: 'NHWC' },
    is_training: { bool: true },
  };
  byEpsilon.set(epsilon, made);
  return made;
}

function input(inputs: tf.NamedTensorInfoMap, name: string): tf.TensorInfo {
  const found = inputs[name];
  if (found === undefined) throw new Error(`Batch normalization got no "${name}".`);
  return found;
}

/**
 * On tfjs-node, one operation. Inputs x `[batch, height, width, channels]`, scale and offset `[channels]`. Outputs y, the batch's mean, its variance
 * with Bessel's correction, and three for the gradient. (In training TensorFlow does not read the two inputs for running statistics.)
 */
export const nativeBatchNorm: tf.KernelConfig = {
  kernelName: BATCH_NORM_TRAINING,
  backendName: 'tensorflow',
  kernelFunc: ({ inputs, attrs }) => {
    const [x, scale, offset] = ['x', 'scale', 'offset'].map((name) => input(inputs, name));
    if (hasOperations()) return batchNormOperation(x!, scale!, offset!, attributesOf<BatchNormAttributes>(attrs).epsilon);
    return nativeOp(BATCH_NORM_TRAINING, nativeAttributes(attrs), [x!, scale!, offset!, scale!, offset!], 6);
  },
};

/** On tfjs-node, one operation. Outputs the gradients of x, scale and offset; TensorFlow's own adds two that are empty. */
export const nativeBatchNormGrad: tf.KernelConfig = {
  kernelName: BATCH_NORM_TRAINING_GRAD,
  backendName: 'tensorflow',
  kernelFunc: ({ inputs, attrs }) => {
    const operands = ['dy', 'x', 'scale', 'saved1', 'saved2', 'saved3'].map((name) => input(inputs, name));
    if (hasOperations()) return batchNormGradOperation(operands);
    return nativeOp(BATCH_NORM_TRAINING_GRAD, nativeAttributes(attrs), operands, 5);
  },
};

/** Gradient of batch normalization in training with respect to x, scale and offset, through the statistics. */
export const batchNormGradient: tf.GradConfig = {
  kernelName: BATCH_NORM_TRAINING,
  inputsToSave: ['x', 'scale'],
  outputsToSave: [false, false, false, true, true, true],
  gradFunc: (dy, saved, attributes) => {
    const [x, scale, saved1, saved2, saved3] = saved;
    const upstream = Array.isArray(dy) ? dy[0] : dy;
    // One operation gives all three, so it runs here and not in the functions, whose scopes end one after the other.
    const [dx, dScale, dOffset] = runKernels(BATCH_NORM_TRAINING_GRAD, { dy: upstream, x, scale, saved1, saved2, saved3 }, attributes);
    return { x: () => dx!, scale: () => dScale!, offset: () => dOffset! };
  },
};

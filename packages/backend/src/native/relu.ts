import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, inputsOf, nativeOp1, runKernel, type NativeAttributes } from '../kernel-map.ts';
import { hasOperations } from './operations.ts';

const FLOAT: NativeAttributes = { T: { type: 'float32' } };
const NONE: NativeAttributes = {};
const RELU_GRAD = 'ReluGrad';
const RELU6_GRAD = 'Relu6Grad';

function operands(inputs: tf.NamedTensorInfoMap): tf.Tensor[] {
  const { dy, x } = inputsOf<'dy' | 'x'>(inputs);
  return [dy, x];
}

/** TensorFlow's own leaves 6 out, TensorFlow.js lets it in. */
function relu6Grad([dy, x]: tf.Tensor[]): tf.Tensor {
  if (hasOperations()) return nativeOp1('NncfRelu6Grad', NONE, [dy!, x!]);
  return tf.tidy(() => tf.mul(nativeOp1(RELU_GRAD, FLOAT, [dy!, x!]), tf.cast(tf.lessEqual(x!, 6), 'float32')));
}

/** The gradients of relu and relu6, as kernels. */
export const reluGradKernels: readonly tf.KernelConfig[] = [
  { kernelName: RELU_GRAD, backendName: 'tensorflow', kernelFunc: ({ inputs }) => nativeOp1(RELU_GRAD, FLOAT, operands(inputs)) },
  { kernelName: RELU6_GRAD, backendName: 'tensorflow', kernelFunc: ({ inputs }) => relu6Grad(operands(inputs)) },
];

/** The gradient in one operation where the backend has it; TensorFlow.js's composition elsewhere. */
function gradientOf(kernelName: string, gradKernelName: string): tf.GradConfig[] {
  const original = tf.getGradient(kernelName);
  if (original == null) return [];
  const gradFunc: tf.GradFunc = (dy, saved, attributes) => {
    const [x] = saved;
    if (!hasKernel(gradKernelName) || Array.isArray(dy) || x?.dtype !== 'float32') return original.gradFunc(dy, saved, attributes);
    return { x: () => runKernel(gradKernelName, { dy, x }) };
  };
  return [{ ...original, gradFunc }];
}

/** Gradients of relu and relu6: dx = dy where 0 < x (and x ≤ 6), 0 elsewhere. */
export function reluGradients(): tf.GradConfig[] {
  return [...gradientOf(tf.Relu, RELU_GRAD), ...gradientOf(tf.Relu6, RELU6_GRAD)];
}

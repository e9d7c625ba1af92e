import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, nativeOp1, runKernel, type NativeAttributes } from '../kernel-map.ts';

const FLOAT: NativeAttributes = { T: { type: 'float32' } };
const RELU_GRAD = 'ReluGrad';
const RELU6_GRAD = 'Relu6Grad';

function gradKernel(kernelName: string): tf.KernelConfig {
  return {
    kernelName,
    backendName: 'tensorflow',
    kernelFunc: ({ inputs }) =>
      nativeOp1(
        kernelName,
        FLOAT,
        [inputs['dy'], inputs['x']].filter((each) => each !== undefined),
      ),
  };
}

/** TensorFlow's gradients of relu and relu6, as kernels. */
export const reluGradKernels: readonly tf.KernelConfig[] = [gradKernel(RELU_GRAD), gradKernel(RELU6_GRAD)];

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

/** Gradients of relu and relu6: dx = dy where 0 < x (and x < 6), 0 elsewhere. */
export function reluGradients(): tf.GradConfig[] {
  return [...gradientOf(tf.Relu, RELU_GRAD), ...gradientOf(tf.Relu6, RELU6_GRAD)];
}

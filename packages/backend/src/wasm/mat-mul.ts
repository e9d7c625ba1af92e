/** The wasm backend multiplies quickly what is not transposed, and by plain loops what is: here it is transposed first. */
import * as tf from '@tensorflow/tfjs-core';
import { attributesOf, inputsOf } from '../kernel-map.ts';

interface MatMulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** With the last two axes exchanged. */
function turned(x: tf.Tensor, transpose: boolean): tf.Tensor {
  if (!transpose) return x;
  const axes = x.shape.map((_, axis) => axis);
  return tf.transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}

/** The wasm backend's `BatchMatMul` with operands transposed beforehand; none where the backend has no such kernel. */
export function quickMatMul(): tf.KernelConfig[] {
  const kernel = tf.getKernel(tf.BatchMatMul, 'wasm');
  if (kernel == null) return [];
  const kernelFunc: tf.KernelFunc = (params) => {
    const attributes = attributesOf<MatMulAttributes>(params.attrs);
    if (!attributes.transposeA && !attributes.transposeB) return kernel.kernelFunc(params);
    return tf.tidy(() => {
      const { a, b } = inputsOf<'a' | 'b'>(params.inputs);
      return tf.matMul(turned(a, attributes.transposeA), turned(b, attributes.transposeB));
    });
  };
  return [{ ...kernel, kernelFunc }];
}

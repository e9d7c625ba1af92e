/** The wasm backend's convolutions return zeros, silently, for `same` padding where the stride exceeds the filter; explicit padding works. */
import * as tf from '@tensorflow/tfjs-core';
import { attributesOf } from '../kernel-map.ts';
import { convSizes, type ConvGradAttributes } from '../geometry.ts';

const CONVOLUTIONS: ReadonlyMap<string, boolean> = new Map([
  [tf.Conv2D, false],
  [tf.FusedConv2D, false],
  [tf.DepthwiseConv2dNative, true],
  [tf.FusedDepthwiseConv2D, true],
]);

/** `same` written out, where it has to be; undefined where the backend's own way works. */
function explicitPad(
  x: number[],
  filter: number[],
  attributes: ConvGradAttributes,
  depthwise: boolean,
): tf.backend_util.ExplicitPadding | undefined {
  if (attributes.pad !== 'same') return undefined;
  const sizes = convSizes(x, filter, attributes, depthwise);
  const { top, bottom, left, right } = sizes.padInfo;
  const reached = sizes.strideHeight <= sizes.effectiveFilterHeight && sizes.strideWidth <= sizes.effectiveFilterWidth;
  return reached
    ? undefined
    : [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ];
}

function corrected(kernel: tf.KernelConfig, depthwise: boolean): tf.KernelConfig {
  return {
    ...kernel,
    kernelFunc: (params) => {
      const attributes = attributesOf<ConvGradAttributes>(params.attrs);
      const pad = explicitPad(params.inputs['x']?.shape ?? [], params.inputs['filter']?.shape ?? [], attributes, depthwise);
      return kernel.kernelFunc(pad === undefined ? params : { ...params, attrs: { ...params.attrs, pad } });
    },
  };
}

/** The wasm backend's convolutions with `same` padding put right. */
export function correctedConvolutions(): tf.KernelConfig[] {
  return [...CONVOLUTIONS].flatMap(([name, depthwise]) => {
    const kernel = tf.getKernel(name, 'wasm');
    return kernel == null ? [] : [corrected(kernel, depthwise)];
  });
}

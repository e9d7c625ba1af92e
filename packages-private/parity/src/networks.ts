import { mobileNetV2, relu6, resnet20 } from '@nncf/zoo';
import * as tfl from '@tensorflow/tfjs-layers';

/** Name of a network. */
export type NetworkName = 'small' | 'resnet20' | 'mobilenet_v2';

/** Networks that are compared, each with a twin of the same layer names in python/networks.py. */
export const NETWORKS: Readonly<Record<NetworkName, () => tfl.LayersModel>> = {
  small: smallConvNet,
  resnet20: () => resnet20({ initial: 'zeros' }),
  mobilenet_v2: () => mobileNetV2({ variant: 'cifar', width: 0.5, initial: 'zeros' }),
};

/**
 * A convolution with a bias, a depthwise one at stride 2, a pointwise one, a residual addition, a dense layer: every kind of weights once.
 * No pool of maxima: on a grid its values are often equal, and which of them gets the gradient is the framework's choice.
 */
function smallConvNet(): tfl.LayersModel {
  const input = tfl.input({ shape: [12, 12, 3], name: 'input' });
  const zeros = { kernelInitializer: 'zeros', depthwiseInitializer: 'zeros' } as const;
  const conv = (name: string, filters: number, kernelSize: number, useBias = false): tfl.layers.Layer =>
    tfl.layers.conv2d({ name, filters, kernelSize, useBias, padding: 'same', ...zeros });
  const norm = (name: string): tfl.layers.Layer => tfl.layers.batchNormalization({ name, epsilon: 1e-5, momentum: 0.9 });
  const relu = (name: string): tfl.layers.Layer => tfl.layers.reLU({ name });
  const chain = (x: tfl.SymbolicTensor, layers: readonly tfl.layers.Layer[]): tfl.SymbolicTensor =>
    layers.reduce((y, layer) => layer.apply(y) as tfl.SymbolicTensor, x);

  const pointwise = chain(input, [
    conv('conv1', 8, 3, true),
    relu('relu1'),
    tfl.layers.zeroPadding2d({ name: 'depthwise.pad', padding: 1 }),
    tfl.layers.depthwiseConv2d({ name: 'depthwise', kernelSize: 3, strides: 2, useBias: false, ...zeros }),
    norm('depthwise.bn'),
    relu6({ name: 'depthwise.relu6' }),
    conv('pointwise', 16, 1),
    norm('pointwise.bn'),
  ]);
  const branch = chain(pointwise, [conv('conv2', 16, 3), norm('conv2.bn'), relu('relu2')]);
  const sum = tfl.layers.add({ name: 'add' }).apply([branch, pointwise]) as tfl.SymbolicTensor;
  const pooled = chain(sum, [relu('relu3'), tfl.layers.globalAveragePooling2d({ name: 'avgpool' } as never)]);
  return tfl.model({ name: 'small', inputs: input, outputs: chain(pooled, [tfl.layers.dense({ name: 'linear', units: 5, ...zeros })]) });
}

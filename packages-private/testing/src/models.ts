import { scope, type FunctionalModel } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

/** Convolution, batch norm, dropout, convolution, dense: every fused and composed kernel once. 8×8×3 → 5 classes. */
export function smallSequential({ rate = 0.5 }: { readonly rate?: number } = {}): tfl.Sequential {
  return tfl.sequential({
    layers: [
      tfl.layers.conv2d({
        filters: 4,
        kernelSize: 3,
        inputShape: [8, 8, 3],
        activation: 'relu',
        name: 'conv1',
        kernelInitializer: initializer(1),
      }),
      tfl.layers.batchNormalization({ name: 'bn' }),
      tfl.layers.dropout({ rate, seed: 3, name: 'drop' }),
      tfl.layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, name: 'conv2', kernelInitializer: initializer(2) }),
      tfl.layers.flatten({ name: 'flatten' }),
      tfl.layers.dense({ units: 5, activation: 'softmax', name: 'dense', kernelInitializer: initializer(3) }),
    ],
  });
}

/** Two inputs, a residual addition, a concatenation, two outputs. */
export function branchedModel(): tfl.LayersModel {
  const a = tfl.input({ shape: [8, 8, 3], name: 'a' });
  const b = tfl.input({ shape: [8, 8, 4], name: 'b' });
  const conv = (name: string, seed: number): tfl.layers.Layer =>
    tfl.layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', name, activation: 'relu', kernelInitializer: initializer(seed) });
  const left = conv('left', 1).apply(a) as tfl.SymbolicTensor;
  const sum = tfl.layers.add({ name: 'sum' }).apply([left, conv('right', 2).apply(b) as tfl.SymbolicTensor]) as tfl.SymbolicTensor;
  const joined = tfl.layers.concatenate({ name: 'joined' }).apply([sum, left]) as tfl.SymbolicTensor;
  const image = conv('head', 3).apply(joined) as tfl.SymbolicTensor;
  const pooled = tfl.layers.globalAveragePooling2d({ name: 'pool' } as never).apply(sum) as tfl.SymbolicTensor;
  const classes = tfl.layers.dense({ units: 3, name: 'classes', kernelInitializer: initializer(4) }).apply(pooled) as tfl.SymbolicTensor;
  return tfl.model({ inputs: [a, b], outputs: [image, classes] });
}

/** One convolution layer used twice, inside a nested model that is used twice as well. */
export function sharedModel(): tfl.LayersModel {
  const inner = tfl.input({ shape: [6, 6, 2] });
  const shared = tfl.layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same', name: 'shared', kernelInitializer: initializer(1) });
  const twice = shared.apply(shared.apply(inner) as tfl.SymbolicTensor) as tfl.SymbolicTensor;
  const nested = tfl.model({ inputs: inner, outputs: twice, name: 'nested' });
  const outer = tfl.input({ shape: [6, 6, 2] });
  return tfl.model({ inputs: outer, outputs: nested.apply(nested.apply(outer) as tfl.SymbolicTensor) as tfl.SymbolicTensor });
}

/** Plain code with named scopes. 8×8×3 → 4 classes. */
export function functionalModel(): FunctionalModel {
  const kernel = tf.variable(tf.randomNormal([3, 3, 3, 4], 0, 0.3, 'float32', 1), true);
  const head = tf.variable(tf.randomNormal([4, 4], 0, 0.3, 'float32', 2), true);
  return {
    variables: { kernel, head },
    call: (x) => {
      const features = scope('stem', () => tf.relu(tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, 1, 'same')));
      return scope('head', () => tf.matMul(tf.mean(features, [1, 2]) as tf.Tensor2D, head as tf.Tensor2D));
    },
  };
}

function initializer(seed: number): ReturnType<typeof tfl.initializers.randomNormal> {
  return tfl.initializers.randomNormal({ stddev: 0.3, seed });
}

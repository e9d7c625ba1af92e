import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { oneShape, oneTensor } from './custom-layers.ts';

/** Activations of the zoo's networks. */
export type ActivationKind = 'relu' | 'relu6' | 'sigmoid' | 'swish' | 'hardSigmoid' | 'hardSwish';

/** A layer without weights that works on each element. */
abstract class Elementwise extends tfl.layers.Layer {
  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    return oneShape(inputShape);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => this.compute(oneTensor(inputs)));
  }

  protected abstract compute(x: tf.Tensor): tf.Tensor;
}

/** min(max(x, 0), 6) as the one operation `Relu6`; the built-in ReLU layer with a maximum takes two. */
class Relu6 extends Elementwise {
  static className = 'Relu6';

  protected compute(x: tf.Tensor): tf.Tensor {
    return tf.relu6(x);
  }
}

/** x · σ(x) (Ramachandran et al. 2017, arXiv 1710.05941); the built-in function multiplies by 1 once more. */
class Swish extends Elementwise {
  static className = 'Swish';

  protected compute(x: tf.Tensor): tf.Tensor {
    return tf.mul(x, tf.sigmoid(x));
  }
}

/** min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, arXiv 1905.02244, section 5.2); the built-in function has other slopes. */
function hardSigmoid(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.relu6(tf.add(x, 3)), 1 / 6);
}

class HardSigmoid extends Elementwise {
  static className = 'HardSigmoid';

  protected compute(x: tf.Tensor): tf.Tensor {
    return hardSigmoid(x);
  }
}

/** x · hard-sigmoid(x). */
class HardSwish extends Elementwise {
  static className = 'HardSwish';

  protected compute(x: tf.Tensor): tf.Tensor {
    return tf.mul(x, hardSigmoid(x));
  }
}

for (const layer of [Relu6, Swish, HardSigmoid, HardSwish]) tf.serialization.registerClass(layer);

/** Layer min(max(x, 0), 6); registered for `tf.loadLayersModel`. */
export function relu6(config: { name: string }): tfl.layers.Layer {
  return new Relu6(config);
}

const LAYERS: Readonly<Record<ActivationKind, (config: { name: string }) => tfl.layers.Layer>> = {
  relu: (config) => tfl.layers.reLU(config),
  relu6,
  sigmoid: (config) => tfl.layers.activation({ ...config, activation: 'sigmoid' }),
  swish: (config) => new Swish(config),
  hardSigmoid: (config) => new HardSigmoid(config),
  hardSwish: (config) => new HardSwish(config),
};

/** The layer of an activation; all of them are registered for `tf.loadLayersModel`. */
export function createActivation(kind: ActivationKind, name: string): tfl.layers.Layer {
  return LAYERS[kind]({ name });
}

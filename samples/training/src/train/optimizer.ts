import * as tf from '@tensorflow/tfjs-core';

/** How weights follow their gradients. */
export interface OptimizerOptions {
  /** `sgd` is plain descent with momentum. @default 'sgd' */
  readonly type?: 'sgd' | 'adam' | 'rmsprop';
  /** Decay of Adam's averages of the gradient and of its square. @default [0.9, 0.999] */
  readonly betas?: readonly [number, number];
  /** Keeps Adam and RMSProp from dividing by zero. @default TensorFlow.js's */
  readonly epsilon?: number;
  /** @default 0.9 */
  readonly momentum?: number;
  /** Look ahead along the momentum (Sutskever et al. 2013). @default true */
  readonly nesterov?: boolean;
  /** Pull of kernels towards zero; biases and batch normalization are left alone. @default 0 */
  readonly weightDecay?: number;
  /** `l2` adds weightDecay·w to the gradient, `decoupled` takes rate·weightDecay·w off the weight (Loshchilov and Hutter 2019). @default 'l2' */
  readonly decay?: 'l2' | 'decoupled';
}

/** A variable that is trained, and whether it decays. */
export interface Trained {
  readonly variable: tf.Variable;
  readonly decays: boolean;
}

/** Makes the optimizer of TensorFlow.js; its learning rate is set before every step. */
export function createOptimizer(options: OptimizerOptions): tf.Optimizer {
  const { type = 'sgd', momentum = 0.9, nesterov = true, betas = [0.9, 0.999], epsilon } = options;
  if (type === 'adam') return tf.train.adam(1, ...betas, epsilon);
  if (type === 'rmsprop') return tf.train.rmsprop(1, 0.9, momentum, epsilon);
  return tf.train.momentum(1, momentum, nesterov);
}

/** One step of training: value of the loss before it, on the device. */
export type TrainingStep = (loss: () => tf.Scalar, rate: number) => tf.Scalar;

/**
 * Step over the given variables, weight decay included.
 * @param main takes the learning rate
 * @param optimizer takes the gradients: `main`, or one that hands some of them to others
 */
export function trainingStep(
  main: tf.Optimizer,
  optimizer: tf.Optimizer,
  trained: readonly Trained[],
  options: OptimizerOptions,
): TrainingStep {
  const { weightDecay = 0, decay = 'l2' } = options;
  const variables = trained.map(({ variable }) => variable);
  const kernels = weightDecay === 0 ? [] : trained.filter(({ decays }) => decays).map(({ variable }) => variable);
  return (loss, rate) => {
    setLearningRate(main, rate);
    const { value, grads } = optimizer.computeGradients(loss, variables);
    if (decay === 'l2') addDecay(grads, kernels, weightDecay);
    optimizer.applyGradients(grads);
    tf.dispose(grads);
    if (decay === 'decoupled') shrink(kernels, 1 - rate * weightDecay);
    return value;
  };
}

/** Sets the rate of the next step; optimizers without a method for it keep it in a property. */
function setLearningRate(optimizer: tf.Optimizer, rate: number): void {
  if ('setLearningRate' in optimizer && typeof optimizer.setLearningRate === 'function') optimizer.setLearningRate(rate);
  else Object.assign(optimizer, { learningRate: rate });
}

/** Frees an optimizer whole: that with momentum forgets the tensor of its rate. */
export function disposeOptimizer(optimizer: tf.Optimizer, main: tf.Optimizer): void {
  const rate: unknown = Reflect.get(main, 'c');
  optimizer.dispose();
  if (rate instanceof tf.Tensor) rate.dispose();
}

/** gradient ← gradient + weightDecay·w */
function addDecay(grads: tf.NamedTensorMap, kernels: readonly tf.Variable[], weightDecay: number): void {
  for (const kernel of kernels) {
    const gradient = grads[kernel.name];
    if (gradient === undefined) continue;
    grads[kernel.name] = tf.tidy(() => tf.add(gradient, tf.mul(kernel, weightDecay)));
    gradient.dispose();
  }
}

function shrink(kernels: readonly tf.Variable[], factor: number): void {
  tf.tidy(() => kernels.forEach((kernel) => kernel.assign(tf.mul(kernel, factor))));
}

/**
 * The steps of TensorFlow.js's optimizers over all variables at once. They take four (SGD) to some twenty (Adam) operations for each variable
 * otherwise, which is most of the time where there are many small ones.
 */
import * as tf from '@tensorflow/tfjs-core';
import { nativeOp } from '../kernel-map.ts';
import { attributesFor, hasOperations } from './operations.ts';

type Gradients = Parameters<tf.Optimizer['applyGradients']>[0];

/** A moment of a variable as the optimizers keep it. */
interface Slot {
  readonly originalName: string;
  readonly variable: tf.Variable;
}

/** What the optimizers have beyond their public types. */
interface Descending {
  readonly c: tf.Scalar;
  incrementIterations(): void;
}

interface Accelerated extends Descending {
  readonly m: tf.Scalar;
  readonly useNesterov: boolean;
  readonly accumulations: Slot[];
}

interface Adaptive {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly accBeta1: tf.Variable;
  readonly accBeta2: tf.Variable;
  readonly accumulatedFirstMoment: Slot[];
  readonly accumulatedSecondMoment: Slot[];
  incrementIterations(): void;
}

type ApplyGradients<Self> = (this: Self, gradients: Gradients) => void;

/** A variable with its gradient, and its place in the optimizer's lists. */
interface Update {
  readonly place: number;
  readonly variable: tf.Variable;
  readonly gradient: tf.Tensor;
}

interface Named {
  readonly name: string;
  readonly gradient: tf.Tensor | null | undefined;
}

function named(gradients: Gradients): Named[] {
  if (Array.isArray(gradients)) return gradients.map(({ name, tensor }) => ({ name, gradient: tensor }));
  return Object.entries(gradients).map(([name, gradient]) => ({ name, gradient }));
}

/** The updates to make; undefined where they have to go one by one. */
function updatesOf(gradients: Gradients): Update[] | undefined {
  if (!hasOperations()) return undefined;
  const updates = named(gradients).flatMap(({ name, gradient }, place) => {
    const variable = tf.engine().registeredVariables[name];
    return gradient == null || variable === undefined ? [] : [{ place, variable, gradient }];
  });
  const fit = updates.every(({ variable, gradient }) => variable.dtype === 'float32' && gradient.dtype === 'float32');
  return fit && updates.length > 0 ? updates : undefined;
}

/** Makes the moments that are not there yet, as the optimizers do: zeros named after the variable. */
function fillSlots(slots: Slot[], gradients: Gradients, suffix: string): void {
  for (const [place, { name }] of named(gradients).entries()) {
    const value = tf.engine().registeredVariables[name];
    if (slots[place] !== undefined || value === undefined) continue;
    slots[place] = { originalName: `${name}/${suffix}`, variable: tf.tidy(() => tf.zerosLike(value).variable(false)) };
  }
}

function slotsOf(slots: readonly Slot[], updates: readonly Update[]): tf.Variable[] {
  return updates.map(({ place }) => slots[place]!.variable);
}

/** Runs an operation on lists of variables and gives each variable its new value, the lists in the order of the operation's inputs. */
function update(
  name: string,
  lists: readonly tf.Variable[][],
  inputs: readonly tf.Tensor[],
  bools: Readonly<Record<string, boolean>> = {},
): void {
  const count = lists[0]?.length ?? 0;
  const attributes = attributesFor(`${name} ${count} ${JSON.stringify(bools)}`, () => ({
    N: { int: count },
    ...Object.fromEntries(Object.entries(bools).map(([key, bool]) => [key, { bool }])),
  }));
  tf.tidy(() => {
    const variables = lists.flat();
    const outputs = nativeOp(name, attributes, inputs, variables.length);
    for (const [index, output] of outputs.entries()) variables[index]!.assign(output);
  });
}

const descend: ApplyGradients<Descending> = function (gradients) {
  const updates = updatesOf(gradients) ?? [];
  const values = updates.map(({ variable }) => variable);
  update('NncfGradientDescent', [values], [...values, ...updates.map(({ gradient }) => gradient), this.c]);
  this.incrementIterations();
};

const accelerate: ApplyGradients<Accelerated> = function (gradients) {
  fillSlots(this.accumulations, gradients, 'momentum');
  const updates = updatesOf(gradients) ?? [];
  const values = updates.map(({ variable }) => variable);
  const velocities = slotsOf(this.accumulations, updates);
  const inputs = [...values, ...updates.map(({ gradient }) => gradient), ...velocities, this.c, this.m];
  update('NncfMomentum', [values, velocities], inputs, { use_nesterov: this.useNesterov });
  this.incrementIterations();
};

/** The factors of Adam's step, as the operation wants them. */
function adamFactors({ beta1, beta2, accBeta1, accBeta2, epsilon, learningRate }: Adaptive): tf.Tensor1D {
  const rest = [accBeta1, accBeta2].map((variable) => 1 - (variable.dataSync()[0] ?? 0));
  return tf.tensor1d([beta1, 1 - beta1, beta2, 1 - beta2, ...rest, epsilon, -learningRate]);
}

const adapt: ApplyGradients<Adaptive> = function (gradients) {
  fillSlots(this.accumulatedFirstMoment, gradients, 'm');
  fillSlots(this.accumulatedSecondMoment, gradients, 'v');
  const updates = updatesOf(gradients) ?? [];
  const values = updates.map(({ variable }) => variable);
  const [first, second] = [slotsOf(this.accumulatedFirstMoment, updates), slotsOf(this.accumulatedSecondMoment, updates)];
  tf.tidy(() => {
    const inputs = [...values, ...updates.map(({ gradient }) => gradient), ...first, ...second, adamFactors(this)];
    update('NncfAdam', [values, first, second], inputs);
    this.accBeta1.assign(tf.mul(this.accBeta1, this.beta1));
    this.accBeta2.assign(tf.mul(this.accBeta2, this.beta2));
  });
  this.incrementIterations();
};

/** Replaces `applyGradients` of a class where everything fits; the returned function puts its own back. */
function patch<Self>(optimizer: { readonly prototype: object }, fused: ApplyGradients<Self>): () => void {
  const { prototype } = optimizer;
  const original = Reflect.get(prototype, 'applyGradients') as ApplyGradients<Self>;
  const patched: ApplyGradients<Self> = function (gradients) {
    (updatesOf(gradients) === undefined ? original : fused).call(this, gradients);
  };
  Reflect.set(prototype, 'applyGradients', patched);
  return () => {
    if (Reflect.get(prototype, 'applyGradients') === patched) Reflect.set(prototype, 'applyGradients', original);
  };
}

/** Lets SGD, momentum and Adam update all variables in one operation where this project's operations are loaded. Returns the undo. */
export function patchOptimizers(): () => void {
  const undo = [patch(tf.SGDOptimizer, descend), patch(tf.MomentumOptimizer, accelerate), patch(tf.AdamOptimizer, adapt)];
  return () => undo.reverse().forEach((restore) => restore());
}

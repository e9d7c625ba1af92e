import type { Scalar, Variable } from '@tensorflow/tfjs-core';
import { mainOptimizer } from './main-optimizer.ts';

/** A weight as tfjs-layers holds it; a compression parameter joins in this form. */
interface LayerWeight {
  readonly name: string;
  readonly originalName: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly trainable: boolean;
  read(): Variable;
}

/** What `fit` reads of a model. */
interface TrainableModel {
  collectedTrainableWeights?: readonly LayerWeight[] | null;
  calculateLosses(): Scalar[];
  checkTrainableWeightsConsistency(): void;
}

/**
 * Lets `compile`, `fit` and `fitDataset` train the compression parameters and minimise the compression loss, while
 * `weights`, `summary` and `save` show the model as its author wrote it. Works before and after `compile`.
 *
 * @param model a `tf.LayersModel`
 * @param loss the term that joins the task's loss; undefined where there is none
 * @returns puts everything back
 */
export function patchTraining(model: object, parameters: readonly Variable[], loss: (() => Scalar) | undefined): () => void {
  const target = model as CompilableModel;
  const weights = parameters.map(toWeight);
  const { compile, save } = target;
  let undo = patchTrainer(trainerOf(target), weights, loss);
  override(target, 'compile', (args: unknown) => {
    undo();
    try {
      compile.call(target, args);
    } finally {
      undo = patchTrainer(trainerOf(target), weights, loss);
    }
  });
  override(target, 'save', (...args: unknown[]) => save.apply(asSaved(target), args));
  return () => {
    undo();
    for (const method of ['compile', 'save']) Reflect.deleteProperty(target, method);
  };
}

/** The model with an optimizer that a reader of its file knows, where `save` is to include the optimizer. */
function asSaved(model: CompilableModel): CompilableModel {
  const main = mainOptimizer(model.optimizer);
  return main === undefined ? model : (Object.create(model, { optimizer: { value: main } }) as CompilableModel);
}

/** A Sequential hands training to a functional model inside, which it makes anew at every `compile`. */
function trainerOf(model: CompilableModel): TrainableModel {
  return model.model ?? model;
}

function patchTrainer(target: TrainableModel, weights: readonly LayerWeight[], loss: (() => Scalar) | undefined): () => void {
  const base = target.collectedTrainableWeights;
  if (base) target.collectedTrainableWeights = [...base, ...weights];
  const { calculateLosses } = target;
  override(target, 'calculateLosses', () => [...calculateLosses.call(target), ...(loss === undefined ? [] : [loss()])]);
  // It compares counts and would take the joined parameters for a change of `trainable` since `compile`.
  override(target, 'checkTrainableWeightsConsistency', () => undefined);
  return () => {
    for (const method of ['calculateLosses', 'checkTrainableWeightsConsistency']) Reflect.deleteProperty(target, method);
    if (base) target.collectedTrainableWeights = base;
  };
}

interface CompilableModel extends TrainableModel {
  compile(args: unknown): void;
  save(...args: unknown[]): unknown;
  readonly optimizer?: unknown;
  readonly model?: TrainableModel | null;
}

function override<Target extends object, Key extends keyof Target>(target: Target, method: Key, value: Target[Key]): void {
  Object.defineProperty(target, method, {
    value,
    configurable: true,
    writable: true,
    enumerable: false,
  });
}

function toWeight(variable: Variable): LayerWeight {
  const { name, shape, dtype } = variable;
  return { name, originalName: name, shape, dtype, trainable: true, read: () => variable };
}

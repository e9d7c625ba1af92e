import type { Scalar, Variable } from '@tensorflow/tfjs-core';

/** A weight as tfjs-layers holds it; a compression parameter joins in this form. */
interface LayerWeight {
  readonly name: string;
  readonly originalName: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly trainable: boolean;
  read(): Variable;
}

/** What `compile` and `fit` read of a model. */
interface TrainableModel {
  collectedTrainableWeights?: LayerWeight[] | null;
  compile(args: unknown): void;
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
  const target = model as TrainableModel;
  const weights = parameters.map(toWeight);
  const own = new Set<LayerWeight>(weights);
  const join = (): void => {
    const collected = target.collectedTrainableWeights;
    if (collected) target.collectedTrainableWeights = [...collected.filter((weight) => !own.has(weight)), ...weights];
  };
  const { compile, calculateLosses } = target;
  override(target, 'compile', (args: unknown) => {
    compile.call(target, args);
    join();
  });
  override(target, 'calculateLosses', () => [...calculateLosses.call(target), ...(loss === undefined ? [] : [loss()])]);
  // It compares counts and would take the joined parameters for a change of `trainable` since `compile`.
  override(target, 'checkTrainableWeightsConsistency', () => undefined);
  join();
  return () => {
    for (const method of ['compile', 'calculateLosses', 'checkTrainableWeightsConsistency']) Reflect.deleteProperty(target, method);
    const collected = target.collectedTrainableWeights;
    if (collected) target.collectedTrainableWeights = collected.filter((weight) => !own.has(weight));
  };
}

function override<Key extends keyof TrainableModel>(target: TrainableModel, method: Key, value: TrainableModel[Key]): void {
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

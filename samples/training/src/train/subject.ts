import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { weightNames } from '@nncf/zoo';
import { readCheckpoint, tensorData, writeCheckpoint, type JsonObject, type ModelCompression, type TensorData } from '@nncf/core';
import { otherModel } from '../errors.ts';
import type { Trained } from './optimizer.ts';

/** What is trained: a model as it is, or one with compression in it. */
export interface Subject {
  readonly model: tfl.LayersModel;
  readonly trained: readonly Trained[];
  /** Term that the compression adds to the loss. */
  readonly extraLoss?: () => tf.Scalar;
  /** Hands some gradients to optimizers of their own. */
  readonly group?: (main: tf.Optimizer) => tf.Optimizer;
  /** Learning rate that a method prescribes at this moment; undefined where it leaves that to the program. */
  readonly rate?: () => number | undefined;
  /** Number of the present stage, for a method that counts its stages. */
  readonly stage?: () => string;
  /** What there is to say of the compression after an epoch. */
  readonly note?: () => string;
  /** Called after every step. */
  readonly step?: () => void;
  /** Called after every epoch. */
  readonly epochStep?: () => void;
  save(file: string, optimizer: tf.Optimizer, extra: JsonObject): Promise<void>;
  /** @returns the `extra` that was saved */
  load(file: string, optimizer?: tf.Optimizer): Promise<JsonObject>;
}

/** A model without compression. */
export function plainSubject(model: tfl.LayersModel): Subject {
  return {
    model,
    trained: trainedWeights(model),
    save: (file, optimizer, extra) => savePlain(model, file, optimizer, extra),
    load: (file, optimizer) => loadPlain(model, file, optimizer),
  };
}

/** A model under compression: its parameters are trained too, without decay. */
export function compressedSubject(algo: ModelCompression<tfl.LayersModel>): Subject {
  const { model } = algo;
  const parameters = algo.parameters.map(({ variable }) => ({ variable, decays: false }));
  // A method that prescribes weight decay has its optimizer apply it.
  const isPrescribed = algo.scheduler.hyperparameters?.()?.weightDecay !== undefined;
  const weights = trainedWeights(model).map(({ variable, decays }) => ({ variable, decays: decays && !isPrescribed }));
  return {
    model,
    trained: [...weights, ...parameters],
    group: (main) => algo.optimizer(main),
    extraLoss: () => algo.loss(),
    rate: () => algo.scheduler.hyperparameters?.()?.learningRate,
    ...stagesOf(algo),
    step: () => algo.scheduler.step(),
    epochStep: () => algo.scheduler.epochStep(),
    save: (file, optimizer, extra) => algo.saveCheckpoint(file, { optimizer, extra }),
    load: (file, optimizer) => algo.loadCheckpoint(file, optimizer === undefined ? {} : { optimizer }),
  };
}

/** Binarization counts its stages, four of them. */
function stagesOf(algo: ModelCompression<tfl.LayersModel>): Pick<Subject, 'stage' | 'note'> {
  const binarization = algo.algorithm('binarization');
  if (binarization === undefined) return {};
  const stage = (): string => String(binarization.statistics().values['stage']);
  const binary = (): number => Number(binarization.statistics().values['binaryMultiplyAdds']);
  return { stage, note: () => `stage ${stage()} of 4, ${(100 * binary()).toFixed(1)} % of the multiply-adds are binary` };
}

/** The model's variables; those of two axes and more (kernels) decay. */
function trainedWeights(model: tfl.LayersModel): Trained[] {
  return model.trainableWeights.map((weight) => {
    const variable = weight.read();
    if (!(variable instanceof tf.Variable)) throw new TypeError(`${weight.name} belongs to another copy of TensorFlow.js.`);
    return { variable, decays: variable.rank > 1 };
  });
}

async function savePlain(model: tfl.LayersModel, file: string, optimizer: tf.Optimizer, extra: JsonObject): Promise<void> {
  const slots = await optimizer.getWeights();
  await writeCheckpoint(file, {
    compression: [],
    weights: Object.fromEntries(weightNames(model).map((name, index) => [name, tensorData(model.weights[index]!.read())])),
    optimizer: slots.map(({ name, tensor }) => [name, tensorData(tensor)]),
    extra,
  });
  // The number of steps is a tensor made for the occasion; the others are the optimizer's own.
  for (const { tensor } of slots) if (!(tensor instanceof tf.Variable)) tensor.dispose();
}

async function loadPlain(model: tfl.LayersModel, file: string, optimizer?: tf.Optimizer): Promise<JsonObject> {
  const checkpoint = await readCheckpoint(file);
  const values = weightNames(model).map((name, index) => {
    const data = checkpoint.weights[name];
    if (data?.shape.join() !== model.weights[index]!.shape.join()) throw otherModel(file, name);
    return data;
  });
  tf.tidy(() => model.setWeights(values.map(toTensor)));
  const slots = checkpoint.optimizer.map(([name, data]) => ({ name, tensor: toTensor(data) }));
  await optimizer?.setWeights(slots);
  tf.dispose(slots);
  return checkpoint.extra;
}

function toTensor({ data, shape, dtype }: TensorData): tf.Tensor {
  return tf.tensor(data, [...shape], dtype);
}

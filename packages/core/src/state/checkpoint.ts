import { dispose, tensor, tidy, Variable, type Optimizer, type Tensor } from '@tensorflow/tfjs-core';
import { NncfError } from '../errors.ts';
import type { TensorData } from '../graph/tensor-data.ts';
import type { JsonObject } from '../json.ts';
import { restoreSlots } from '../train/restore-optimizer.ts';
import type { CompressionState } from './compression-state.ts';
import { readFileBytes, writeFileAtomic } from './file.ts';
import { readSafetensors, writeSafetensors, type SafetensorsFile, type SafetensorsTensor } from './safetensors.ts';

/** Everything a training run needs to go on. */
export interface Checkpoint {
  readonly compression: CompressionState;
  /** The model's variables. */
  readonly weights: Readonly<Record<string, TensorData>>;
  /** The optimizer's slots in its own order. */
  readonly optimizer: readonly (readonly [name: string, data: TensorData])[];
  /** The training program's own figures: epoch, seed, best accuracy. */
  readonly extra: JsonObject;
}

const FORMAT = 'nncf-checkpoint';
const VERSION = 1;

/** Writes a checkpoint as one safetensors file, whole or not at all. */
export async function writeCheckpoint(file: string, checkpoint: Checkpoint): Promise<void> {
  const tensors = new Map<string, SafetensorsTensor>();
  const put = (name: string, data: TensorData): void => void tensors.set(name, toSafetensor(data));
  for (const [name, data] of Object.entries(checkpoint.weights)) put(`weights/${name}`, data);
  checkpoint.optimizer.forEach(([name, data], i) => put(`optimizer/${i}/${name}`, data));
  checkpoint.compression.forEach(({ state }, i) =>
    Object.entries(state.tensors).forEach(([name, data]) => put(`compression/${i}/${name}`, data)),
  );
  const compression = checkpoint.compression.map(({ state, ...rest }) => ({
    ...rest,
    json: state.json,
  }));
  const metadata = {
    format: FORMAT,
    version: String(VERSION),
    compression: JSON.stringify(compression),
    extra: JSON.stringify(checkpoint.extra),
  };
  await writeFileAtomic(file, writeSafetensors(tensors, metadata));
}

/**
 * Reads what {@link writeCheckpoint} wrote.
 *
 * @throws NncfError `CHECKPOINT_CORRUPT` that names the file
 */
export async function readCheckpoint(file: string): Promise<Checkpoint> {
  const bytes = await readFileBytes(file);
  try {
    return decode(readSafetensors(bytes));
  } catch (cause) {
    throw new NncfError({
      code: 'CHECKPOINT_CORRUPT',
      message: `${file} is not a whole checkpoint: ${reasonOf(cause)}`,
      hint: 'Take an older one. Nothing was loaded.',
      cause,
    });
  }
}

function decode(content: SafetensorsFile): Checkpoint {
  if (content.metadata['format'] !== FORMAT) throw new Error('it was not written by NNCF');
  if (Number(content.metadata['version']) > VERSION) throw new Error('it was written by a newer version');
  type Entry = { algorithm: string; version: number; scheduler: JsonObject; json: JsonObject };
  const compression = JSON.parse(content.metadata['compression'] ?? '[]') as Entry[];
  return {
    compression: compression.map(({ json, ...rest }, i) => ({
      ...rest,
      state: { json, tensors: Object.fromEntries(below(content, `compression/${i}/`)) },
    })),
    weights: Object.fromEntries(below(content, 'weights/')),
    optimizer: optimizerSlots(content),
    extra: JSON.parse(content.metadata['extra'] ?? '{}') as JsonObject,
  };
}

function below(content: SafetensorsFile, prefix: string): [string, TensorData][] {
  return [...content.tensors]
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, data]) => [name.slice(prefix.length), fromSafetensor(data)]);
}

function optimizerSlots(content: SafetensorsFile): [string, TensorData][] {
  const slots = below(content, 'optimizer/').map(([name, data]) => {
    const slash = name.indexOf('/');
    return { order: Number(name.slice(0, slash)), name: name.slice(slash + 1), data };
  });
  return slots.sort((a, b) => a.order - b.order).map(({ name, data }) => [name, data]);
}

function toSafetensor({ shape, dtype, data }: TensorData): SafetensorsTensor {
  return { dtype: dtype === 'float32' ? 'F32' : dtype === 'int32' ? 'I32' : 'BOOL', shape, data };
}

function fromSafetensor({ dtype, shape, data }: SafetensorsTensor): TensorData {
  if (data instanceof Float32Array) return { shape, dtype: 'float32', data };
  if (data instanceof Int32Array) return { shape, dtype: 'int32', data };
  if (data instanceof Uint8Array) return { shape, dtype: 'bool', data };
  throw new Error(`it holds a tensor of type ${dtype}`);
}

/** Copies a tensor out of the backend. */
export function tensorData(source: Tensor): TensorData {
  return { shape: [...source.shape], dtype: source.dtype, data: source.dataSync() } as TensorData;
}

/** Copies variables out of the backend. */
export function variableData(variables: ReadonlyMap<string, Variable>): Record<string, TensorData> {
  return Object.fromEntries([...variables].map(([name, variable]) => [name, tensorData(variable)]));
}

/**
 * Writes values into variables; all are looked at before the first is changed.
 *
 * @param source where the values come from, for messages
 * @throws NncfError `STATE_MISMATCH` when one is missing or has another shape
 */
export function assignVariables(
  variables: ReadonlyMap<string, Variable>,
  values: Readonly<Record<string, TensorData>>,
  source: string = 'The checkpoint',
): void {
  for (const [name, variable] of variables) {
    const found = values[name]?.shape.join(', ');
    if (found !== variable.shape.join(', ')) throw shapeMismatch(source, name, found, variable.shape);
  }
  tidy(() => {
    for (const [name, variable] of variables) {
      const value = values[name];
      if (value !== undefined) variable.assign(tensor(value.data, [...value.shape], value.dtype));
    }
  });
}

/** The optimizer's slots as data. @throws NncfError `CHECKPOINT_UNSUPPORTED` when it does not show them */
export async function optimizerData(optimizer: Optimizer): Promise<[string, TensorData][]> {
  const slots = await optimizer.getWeights().catch((cause: unknown) => {
    throw unsavable(optimizer, cause);
  });
  const data = slots.map(({ name, tensor: slot }): [string, TensorData] => [name, tensorData(slot)]);
  // The number of steps is a tensor made for the occasion; the others are the optimizer's own.
  for (const { tensor: slot } of slots) if (!(slot instanceof Variable)) slot.dispose();
  return data;
}

/**
 * Gives an optimizer its slots back.
 *
 * @param source where they come from, for messages
 * @throws NncfError `STATE_MISMATCH` when they are of another optimizer, or there are none
 */
export async function restoreOptimizer(optimizer: Optimizer, slots: Checkpoint['optimizer'], source: string): Promise<void> {
  if (slots.length === 0) throw optimizerMismatch(`${source} was saved without an optimizer`);
  const named = slots.map(([name, { data, shape, dtype }]) => ({ name, tensor: tensor(data, [...shape], dtype) }));
  try {
    await restoreSlots(optimizer, named);
  } catch (cause) {
    throw optimizerMismatch(`${source} was saved with another optimizer: ${reasonOf(cause)}`, cause);
  } finally {
    dispose(named.map((slot) => slot.tensor));
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

function unsavable(optimizer: Optimizer, cause: unknown): NncfError {
  return new NncfError({
    code: 'CHECKPOINT_UNSUPPORTED',
    message: `The optimizer ${optimizer.getClassName()} cannot be saved: ${reasonOf(cause)}`,
    hint: 'TensorFlow.js saves sgd, momentum, rmsprop, adagrad, adadelta and adam. Leave the optimizer out, or take one of these.',
    cause,
  });
}

function optimizerMismatch(message: string, cause?: unknown): NncfError {
  return new NncfError({
    code: 'STATE_MISMATCH',
    message: message.endsWith('.') ? message : `${message}.`,
    hint: 'Make the optimizer as it was made when the checkpoint was saved, or load without one. The model was not changed.',
    cause,
  });
}

function shapeMismatch(source: string, name: string, found: string | undefined, shape: readonly number[]): NncfError {
  return new NncfError({
    code: 'STATE_MISMATCH',
    message:
      found === undefined
        ? `${source} has no "${name}".`
        : `${source} has "${name}" of shape [${found}], the model's is [${shape.join(', ')}].`,
    hint: 'Build the model with the options that the checkpoint was made with. Nothing was changed.',
  });
}

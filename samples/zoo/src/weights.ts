import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {
  NncfError,
  readFileBytes,
  readSafetensors,
  writeFileAtomic,
  writeSafetensors,
  type SafetensorsFile,
  type SafetensorsTensor,
} from '@nncf/core';

/** How weights are found in a file. */
export interface LoadWeightsOptions {
  /** From the model's name of a weight (`layer1.0.conv1.kernel`) to the file's. @default the same name */
  readonly nameOf?: (name: string) => string;
  /** Accept tensors in the file that the model does not have. @default false */
  readonly allowExtra?: boolean;
  /** Weights, by the model's name, that stay as they are. @default none */
  readonly keeps?: (name: string) => boolean;
}

/** How weights are written. */
export interface SaveWeightsOptions {
  /** Element type of kernels; biases and batch normalization are always F32. @default 'F32' */
  readonly dtype?: 'F32' | 'F16';
  /** Notes for the file's header: architecture, accuracy, preprocessing. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Loads all weights of a model from a safetensors file.
 *
 * Names are `<layer>.<weight>`; layouts are TensorFlow's: convolution [height, width, in, out], depthwise
 * [height, width, channels, 1], dense [in, out].
 * @returns the file's metadata
 * @throws NncfError `FILE_UNREADABLE`, `CORRUPT_FILE`, or `WEIGHTS_MISMATCH` when a tensor is missing, left over, not of the model's
 * shape or not finite; the model is then as it was.
 */
export async function loadWeights(model: tfl.LayersModel, file: string, options: LoadWeightsOptions = {}): Promise<Record<string, string>> {
  const content = await readWeightsFile(file);
  assignWeights(model, file, content, options);
  return content.metadata;
}

/**
 * Gives a model the weights of a file that has been read.
 * @param file its name, for errors
 * @throws NncfError `WEIGHTS_MISMATCH` as {@link loadWeights} does
 */
export function assignWeights(model: tfl.LayersModel, file: string, content: SafetensorsFile, options: LoadWeightsOptions = {}): void {
  const { nameOf = (name) => name, allowExtra = false, keeps = () => false } = options;
  const names = weightNames(model);
  const wanted = names.map(nameOf);
  const kept = names.map(keeps);
  const problems = [
    ...wanted.map((name, index) => (kept[index] ? undefined : problemOf(name, model.weights[index]!.shape, content))),
    ...(allowExtra ? [] : leftOver(content, wanted)),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw mismatch(model, file, problems);
  tf.tidy(() =>
    model.setWeights(wanted.map((name, index) => (kept[index] ? model.weights[index]!.read() : toTensor(content.tensors.get(name)!)))),
  );
}

/**
 * Writes all weights of a model to a safetensors file, whole or not at all.
 * @throws NncfError `FILE_UNWRITABLE`
 */
export async function saveWeights(model: tfl.LayersModel, file: string, options: SaveWeightsOptions = {}): Promise<void> {
  const { dtype = 'F32', metadata = {} } = options;
  const names = weightNames(model);
  const tensors = await Promise.all(model.weights.map((weight) => toData(weight.read(), dtype)));
  const entries = tensors.map((tensor, index) => [names[index]!, tensor] as const);
  await writeFileAtomic(file, writeSafetensors(entries, metadata));
}

/**
 * Names of a model's weights in a file, in the order of `model.weights`: `<layer>.<weight>`, with `kernel` for a depthwise
 * convolution's filter as well.
 * @throws NncfError `WEIGHTS_MISMATCH` when two layers share a name.
 */
export function weightNames(model: tfl.LayersModel): string[] {
  // `name` may carry a suffix that makes it unique in the process; `originalName` does not.
  const names = model.weights.map(({ originalName }) => originalName.replace(/\/depthwise_kernel$/, '/kernel').replaceAll('/', '.'));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw nameClash(model, twice);
  return names;
}

/** @throws NncfError `FILE_UNREADABLE`, `CORRUPT_FILE` */
export async function readWeightsFile(file: string): Promise<SafetensorsFile> {
  const bytes = await readFileBytes(file);
  try {
    return readSafetensors(bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NncfError({
      code: 'CORRUPT_FILE',
      source: 'zoo',
      message: `${file}: ${reason}`,
      cause,
    });
  }
}

function problemOf(name: string, shape: readonly (number | null)[], content: SafetensorsFile): string | undefined {
  const tensor = content.tensors.get(name);
  if (tensor === undefined) return `${name} is missing`;
  if (tensor.shape.join() !== shape.join()) return `${name} is [${tensor.shape.join(', ')}], not [${shape.join(', ')}]`;
  if (!(tensor.data instanceof Float32Array)) return `${name} holds ${tensor.dtype}, not F32 or F16`;
  return tensor.data.every(Number.isFinite) ? undefined : `${name} is not finite`;
}

function leftOver(content: SafetensorsFile, wanted: readonly string[]): string[] {
  const known = new Set(wanted);
  const extra = [...content.tensors.keys()].filter((name) => !known.has(name));
  return extra.map((name) => `${name} is in the file only`);
}

function toTensor({ data, shape }: SafetensorsTensor): tf.Tensor {
  return tf.tensor(data as Float32Array, [...shape], 'float32');
}

async function toData(tensor: tf.Tensor, dtype: 'F32' | 'F16'): Promise<SafetensorsTensor> {
  const data = (await tensor.data()) as Float32Array;
  return { dtype: tensor.rank > 1 ? dtype : 'F32', shape: tensor.shape, data };
}

function mismatch(model: tfl.LayersModel, file: string, problems: readonly string[]): NncfError {
  const shown = problems.slice(0, 5).map((problem) => `\n    ${problem}`);
  const more = problems.length > 5 ? `\n    and ${problems.length - 5} more` : '';
  return new NncfError({
    code: 'WEIGHTS_MISMATCH',
    source: 'zoo',
    message: `the weights of ${file} do not fit ${model.name}:${shown.join('')}${more}`,
    hint: "Build the model as the file's metadata describe it (width, classes, batch normalization).",
  });
}

function nameClash(model: tfl.LayersModel, name: string): NncfError {
  return new NncfError({
    code: 'WEIGHTS_MISMATCH',
    source: 'zoo',
    message: `two weights of ${model.name} are called ${name}`,
    hint: 'Give every layer, also those of nested models, a name of its own.',
  });
}

import type { LayersModel, SymbolicTensor, layers } from '@tensorflow/tfjs-layers';
import type { InputInfo } from '../config/nncf-config.ts';
import { NncfError } from '../errors.ts';
import { elementType } from './input-info.ts';
import type { InputSpec } from './model-adapter.ts';

/**
 * Inputs of a `tf.LayersModel`: what the model declares, completed by the configuration.
 *
 * @param inputInfo entries whose `keyword` is an input's name belong to that input, the others follow the order of the inputs
 * @throws NncfError `MODEL_UNSUPPORTED`, `INPUT_UNKNOWN`, `CONFIG_INVALID`
 */
export function layersInputs(model: LayersModel, inputInfo: readonly InputInfo[]): readonly InputSpec[] {
  if (model.inputs.length === 0) throw empty(model.name);
  // Not `model.inputNames`, which a Sequential has only after its first use.
  const names = model.inputs.map(({ sourceLayer }) => sourceLayer.name);
  const infos = assignInfos(names, inputInfo);
  return model.inputs.map((input, i) => toSpec(input, infos[i], pointerOf(inputInfo, infos[i])));
}

function assignInfos(names: readonly string[], infos: readonly InputInfo[]): readonly (InputInfo | undefined)[] {
  const isNamed = ({ keyword }: InputInfo): boolean => keyword !== undefined && names.includes(keyword);
  const unnamed = infos.filter((info) => !isNamed(info));
  if (infos.length > names.length) throw tooMany(names, `/input_info/${names.length}`);
  return names.map((name) => infos.find(({ keyword }) => keyword === name) ?? unnamed.shift());
}

function pointerOf(infos: readonly InputInfo[], info: InputInfo | undefined): string {
  return infos.length < 2 || info === undefined ? '/input_info' : `/input_info/${infos.indexOf(info)}`;
}

function toSpec(input: SymbolicTensor, info: InputInfo | undefined, pointer: string): InputSpec {
  const { sourceLayer, shape } = input;
  const declared = input.dtype ?? 'float32';
  return {
    name: sourceLayer.name,
    shape: [null, ...shape.slice(1)],
    sample: resolveSizes(shape, info?.sample_size, sourceLayer.name, pointer),
    dtype: elementType(info?.type) ?? declared,
    batch: shape[0] ?? undefined,
    filler: info?.filler,
    // TensorFlow.js declares float32 where an Embedding is all that reads the input.
    whole: declared !== 'float32' || feedsEmbedding(input),
  };
}

/** Whether an Embedding looks the values up, maybe behind layers without weights. */
function feedsEmbedding(tensor: SymbolicTensor): boolean {
  return tensor.sourceLayer.outboundNodes.some(({ outboundLayer: layer, inputTensors, outputTensors }) => {
    if (!inputTensors.includes(tensor)) return false;
    if (isEmbedding(layer)) return true;
    if (isModel(layer)) return layer.inputs.some((inner, port) => inputTensors[port] === tensor && feedsEmbedding(inner));
    return layer.weights.length === 0 && outputTensors.some(feedsEmbedding);
  });
}

function isEmbedding(layer: layers.Layer): boolean {
  const wrapped = 'layer' in layer ? (layer.layer as layers.Layer) : layer;
  return wrapped.getClassName() === 'Embedding';
}

function isModel(layer: layers.Layer): layer is LayersModel {
  return 'layers' in layer && 'inputs' in layer;
}

/** The declared sizes after the batch, open ones filled from `sample_size`, which may be written channels first. */
function resolveSizes(
  declared: readonly (number | null)[],
  sample: readonly number[] | undefined,
  name: string,
  pointer: string,
): readonly number[] {
  const given = sample === undefined ? undefined : matchLayout(declared, sample);
  if (given !== undefined && !fits(declared, given)) throw otherInput(name, declared, sample ?? [], pointer);
  return declared.slice(1).map((size, axis) => {
    const resolved = size ?? given?.[axis + 1];
    if (resolved === undefined) throw openInput(name, declared, pointer);
    return resolved;
  });
}

function fits(declared: readonly (number | null)[], sizes: readonly number[]): boolean {
  return declared.length === sizes.length && declared.every((size, axis) => axis === 0 || size === null || size === sizes[axis]);
}

/** `sample` itself, or turned from NCHW to NHWC where only that fits the declared shape. */
function matchLayout(declared: readonly (number | null)[], sample: readonly number[]): readonly number[] {
  const [n = 1, c = 1, h = 1, w = 1] = sample;
  const turned = sample.length === 4 ? [n, h, w, c] : sample;
  return !fits(declared, sample) && fits(declared, turned) ? turned : sample;
}

const shown = (shape: readonly (number | null)[]): string => `[${shape.map((size) => size ?? '?').join(', ')}]`;

/** A size to plan for that a reader may copy: that of an image, or of a text. */
const example = (declared: readonly (number | null)[]): string =>
  `[${declared.map((size, axis) => size ?? (axis === 0 ? 1 : declared.length === 4 ? 224 : 128)).join(', ')}]`;

function empty(name: string): NncfError {
  return new NncfError({
    code: 'MODEL_UNSUPPORTED',
    message: `The model "${name}" is empty: it has no input and no layer.`,
    hint: 'Add its layers first. The first layer of a tf.sequential() needs an `inputShape`.',
  });
}

function tooMany(names: readonly string[], pointer: string): NncfError {
  return new NncfError({
    code: 'CONFIG_INVALID',
    message: `${pointer} describes an input that the model has not: its inputs are ${names.join(', ')}.`,
    hint: 'Give one entry an input at most, in their order, or with the name of the input as "keyword".',
  });
}

function openInput(name: string, declared: readonly (number | null)[], pointer: string): NncfError {
  return new NncfError({
    code: 'INPUT_UNKNOWN',
    message: `The input "${name}" leaves sizes open: ${shown(declared)}.`,
    hint: `Give one size to plan for at ${pointer}: { "sample_size": ${example(declared)}, "keyword": "${name}" }.`,
  });
}

function otherInput(name: string, declared: readonly (number | null)[], sample: readonly number[], pointer: string): NncfError {
  const open = declared.slice(1).includes(null);
  return new NncfError({
    code: 'CONFIG_INVALID',
    message: `${pointer} gives [${sample.join(', ')}] for the input "${name}", which is ${shown(declared)}.`,
    hint: open ? `Write all sizes, the batch first: ${example(declared)}.` : 'Leave "sample_size" as the model has it, or the entry out.',
  });
}

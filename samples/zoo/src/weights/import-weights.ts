import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { NncfError } from '@nncf/core';
import { weightNames } from '../weights.ts';
import { readForeignTensors, type ForeignTensors } from './foreign-tensors.ts';

/** A weight of a model of the zoo. */
export interface OwnWeight {
  /** `<layer>.<variable>`: `layer1.0.conv1.kernel`. */
  readonly name: string;
  readonly layer: string;
  readonly variable: string;
  readonly shape: readonly number[];
  readonly kind: 'convolution' | 'depthwise' | 'dense' | 'vector';
  /** Sizes of what a dense layer's input was before it was flattened, `[height, width, channels]`. */
  readonly flattened?: readonly number[] | undefined;
  /** Of batch normalization. */
  readonly epsilon?: number | undefined;
}

/** One tensor that a weight is made from. */
export interface WeightPart {
  readonly key: string;
  /** As it must be in the file. */
  readonly shape: readonly number[];
  /** Value to go on with where the file does not have the tensor. @default it must have it */
  readonly otherwise?: number;
}

/** How a weight is made from tensors of a file. */
export interface WeightRecipe {
  readonly parts: readonly WeightPart[];
  make(parts: readonly Float32Array[]): Float32Array;
}

/** How the weights of one network are made from somebody else's file. */
export interface WeightMap {
  recipe(weight: OwnWeight): WeightRecipe;
  /** Names in the file that have no counterpart, and may be there. */
  readonly extra?: RegExp | undefined;
  /** Other names for those of the file, where these hang on what was made before. */
  readonly renamed?: ((names: readonly string[]) => ReadonlyMap<string, string>) | undefined;
}

/** The weights of a model, in the order of `model.weights`. */
export function ownWeights(model: tfl.LayersModel): OwnWeight[] {
  const layers = new Map(model.layers.map((layer) => [layer.name, layer]));
  return weightNames(model).map((name, place): OwnWeight => {
    const dot = name.lastIndexOf('.');
    const shape = model.weights[place]!.shape.map(Number);
    const layer = layers.get(name.slice(0, dot));
    const epsilon = layer?.getConfig()['epsilon'];
    return {
      name,
      shape,
      layer: name.slice(0, dot),
      variable: name.slice(dot + 1),
      kind: kindOf(shape, layer),
      flattened: shape.length === 2 ? flattenedSizes(layer) : undefined,
      epsilon: typeof epsilon === 'number' ? epsilon : undefined,
    };
  });
}

function kindOf(shape: readonly number[], layer: tfl.layers.Layer | undefined): OwnWeight['kind'] {
  if (shape.length === 4) return layer?.getClassName() === 'DepthwiseConv2D' ? 'depthwise' : 'convolution';
  return shape.length === 2 ? 'dense' : 'vector';
}

function flattenedSizes(layer: tfl.layers.Layer | undefined): readonly number[] | undefined {
  const before = layer?.inboundNodes[0]?.inboundLayers[0];
  const shape =
    before?.getClassName() === 'Flatten' ? (before.inboundNodes[0]?.inputShapes[0] as readonly (number | null)[] | undefined) : undefined;
  return shape?.slice(1).map(Number);
}

/**
 * Fills a model with weights of somebody else's file.
 * @throws NncfError those of `readForeignTensors`; `WEIGHTS_MISMATCH` when a tensor is missing (with the nearest names that are there), left over, of another shape or not finite. The model is then as it was.
 */
export async function importWeights(model: tfl.LayersModel, file: string, map: WeightMap): Promise<void> {
  const tensors = renamedTensors(await readForeignTensors(file), map);
  const weights = ownWeights(model);
  const recipes = weights.map((weight) => map.recipe(weight));
  const parts = recipes.flatMap((recipe) => recipe.parts);
  const wanted = new Set(parts.map(({ key }) => key));
  const problems = [...parts.flatMap((part) => problemOf(part, tensors, wanted)), ...leftOver(tensors, wanted, map.extra)];
  if (problems.length > 0) throw mismatch(model, file, problems);
  tf.tidy(() =>
    model.setWeights(recipes.map((recipe, place) => tf.tensor(recipe.make(dataOf(recipe, tensors)), [...weights[place]!.shape]))),
  );
}

function renamedTensors(tensors: ForeignTensors, { renamed }: WeightMap): ForeignTensors {
  const names = renamed?.([...tensors.keys()]);
  return names === undefined ? tensors : new Map([...tensors].map(([name, tensor]) => [names.get(name) ?? name, tensor]));
}

function dataOf({ parts }: WeightRecipe, tensors: ForeignTensors): Float32Array[] {
  return parts.map(
    ({ key, shape, otherwise = 0 }) => tensors.get(key)?.data ?? new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(otherwise),
  );
}

function problemOf({ key, shape, otherwise }: WeightPart, tensors: ForeignTensors, wanted: ReadonlySet<string>): string[] {
  const tensor = tensors.get(key);
  if (tensor === undefined) return otherwise === undefined ? [`${key} is missing${nearestNames(key, tensors, wanted)}`] : [];
  if (tensor.shape.join() !== shape.join()) return [`${key} is [${tensor.shape.join(', ')}], not [${shape.join(', ')}]`];
  return tensor.data.every(Number.isFinite) ? [] : [`${key} is not finite`];
}

function leftOver(tensors: ForeignTensors, wanted: ReadonlySet<string>, extra: RegExp | undefined): string[] {
  const left = [...tensors.keys()].filter((name) => !wanted.has(name) && extra?.test(name) !== true);
  return left.map((name) => `${name} is in the file only`);
}

/** Names in the file that share most pairs of letters with a missing one; of those that nothing else is made from, if there are any. */
function nearestNames(key: string, tensors: ForeignTensors, wanted: ReadonlySet<string>): string {
  const own = pairsOf(key);
  const rated = [...tensors.keys()].map((name) => {
    const pairs = pairsOf(name);
    const common = [...pairs].filter((pair) => own.has(pair)).length;
    return { name, share: (2 * common) / (pairs.size + own.size) };
  });
  const near = rated.filter(({ share }) => share > ALIKE).sort((a, b) => b.share - a.share);
  const free = near.filter(({ name }) => !wanted.has(name));
  const shown = (free.length > 0 ? free : near).slice(0, 3).map(({ name }) => name);
  return shown.length === 0 ? '' : `; near it are ${shown.join(', ')}`;
}

/** Share of common pairs of letters from which two names count as near. */
const ALIKE = 0.6;

function pairsOf(text: string): Set<string> {
  return new Set(Array.from({ length: Math.max(0, text.length - 1) }, (_, at) => text.slice(at, at + 2)));
}

const SHOWN = 5;

function mismatch(model: tfl.LayersModel, file: string, problems: readonly string[]): NncfError {
  const shown = problems.slice(0, SHOWN).map((problem) => `\n    ${problem}`);
  const more = problems.length > SHOWN ? `\n    and ${problems.length - SHOWN} more` : '';
  return new NncfError({
    code: 'WEIGHTS_MISMATCH',
    source: 'zoo',
    message: `the weights of ${file} do not fit ${model.name}:${shown.join('')}${more}`,
    hint: 'The file must be of the network that was asked for, with its number of classes.',
  });
}

import type * as tfl from '@tensorflow/tfjs-layers';
import { NncfError } from '@nncf/core';

type Shape = readonly (number | null)[];

/** Layers whose kernel works once at every position of the output … */
const AT_OUTPUT: ReadonlySet<string> = new Set([
  'Conv1D',
  'Conv2D',
  'Conv3D',
  'DepthwiseConv2D',
  'SeparableConv2D',
  'GroupedConv2D',
  'Dense',
]);
/** … or at every position of the input. */
const AT_INPUT: ReadonlySet<string> = new Set(['Conv2DTranspose', 'Conv3DTranspose']);

/** Layers that multiply what comes in with what comes in: the inputs [batch, length, width] that are taken head by head. */
const ATTENTION: Readonly<Record<string, number>> = { AttentionScores: 0, AttentionContext: 1 };

/**
 * Multiply-adds of convolutions, dense layers and products of attention for one input, as publications count them (no biases, no batch
 * normalization). A layer that is applied several times counts each time; nested models are counted with the shapes they
 * were built for.
 * @throws NncfError `INVALID_ARGUMENT` when a height, width or length is not fixed.
 */
export function countMultiplyAdds(model: tfl.LayersModel): number {
  return model.layers.reduce((sum, layer) => sum + layerMultiplyAdds(layer), 0);
}

/** Number of weights that training changes. */
export function countTrainable(model: tfl.LayersModel): number {
  return model.trainableWeights.reduce((sum, weight) => sum + product(weight.shape), 0);
}

function layerMultiplyAdds(layer: tfl.layers.Layer): number {
  const calls = layer.inboundNodes.filter((node) => node.inboundLayers.length > 0);
  if (isModel(layer)) return calls.length * countMultiplyAdds(layer);
  const kind = layer.getClassName();
  const attended = ATTENTION[kind];
  if (attended !== undefined) return calls.reduce((sum, node) => sum + attention(layer, node.inputShapes[attended] as Shape), 0);
  if (!AT_OUTPUT.has(kind) && !AT_INPUT.has(kind)) return 0;
  const kernels = layer.weights.filter((weight) => weight.shape.length > 1);
  const perPosition = kernels.reduce((sum, kernel) => sum + product(kernel.shape), 0);
  const shapes = calls.map((node) => (AT_INPUT.has(kind) ? node.inputShapes[0] : node.outputShapes[0]) as Shape);
  return perPosition * shapes.reduce((sum, shape) => sum + positions(layer, shape), 0);
}

/** Every token with every other, in the scores or in the mixed values: length² · width. */
function attention(layer: tfl.layers.Layer, shape: Shape): number {
  const [length, width] = shape.slice(1).map((size) => size ?? unknownSize(layer)) as [number, number];
  return length * length * width;
}

function positions(layer: tfl.layers.Layer, shape: Shape): number {
  return product(shape.slice(1, -1).map((length) => length ?? unknownSize(layer)));
}

function unknownSize(layer: tfl.layers.Layer): never {
  throw new NncfError({
    code: 'INVALID_ARGUMENT',
    source: 'zoo',
    message: `layer ${layer.name} has no fixed size, so its multiply-adds cannot be counted`,
    hint: 'Build the model with a full inputShape, or a BERT with a length.',
  });
}

function isModel(layer: tfl.layers.Layer): layer is tfl.LayersModel {
  return 'layers' in layer;
}

function product(numbers: readonly (number | null)[]): number {
  return numbers.reduce<number>((result, number) => result * (number ?? 1), 1);
}

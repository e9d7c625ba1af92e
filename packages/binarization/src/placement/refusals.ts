import { operandValue, type GraphNode, type ModelGraph, type PlanCommand, type WeightUse } from '@nncf/core';
import type { PaperExclusion } from './paper-preset.ts';

/** A product that is not binarized. */
export interface Refusal {
  readonly node: GraphNode;
  /** For people; it continues "… is not binarized: ". */
  readonly reason: string;
  /** The product's kind is the reason, so that no configuration could change it. */
  readonly isKind: boolean;
}

/** What decides besides the product itself. */
export interface RefusalContext {
  readonly graph: ModelGraph;
  readonly earlier: readonly PlanCommand[];
  readonly paper: ReadonlyMap<GraphNode, PaperExclusion>;
  ignores(node: GraphNode): boolean;
  targets(node: GraphNode): boolean;
}

const KINDS: Readonly<Record<string, string>> = {
  DepthwiseConv2dNative:
    'a depthwise convolution sums over one window of one channel, too few products for two values, and no runtime counts bits there',
  MatMul: 'a dense layer loses too much, and no runtime counts bits there',
  Conv2DBackpropInput: 'it is a transposed convolution, and no runtime counts bits there',
  Conv3D: 'it is a 3-D convolution, and no runtime counts bits there',
  Conv3DBackpropInputV2: 'it is a transposed convolution, and no runtime counts bits there',
};

const PAPER: Readonly<Record<PaperExclusion, string>> = {
  first: 'the preset "paper" leaves out the first convolution',
  classifier: 'the preset "paper" leaves out the last layer',
  'before the classifier': 'the preset "paper" leaves out the convolution right before the last layer',
  shortcut: 'the preset "paper" leaves out convolutions on residual shortcuts',
};

/** Why a product is not binarized; undefined when it is. @param use of its weight, where that is a variable */
export function refusalOf(node: GraphNode, use: WeightUse | undefined, context: RefusalContext): Refusal | undefined {
  const kind = KINDS[node.op] ?? (node.attrs['dataFormat'] === 'NCHW' ? 'its data format is channels first' : undefined);
  if (kind !== undefined) return { node, reason: kind, isKind: true };
  const reason = scopeReason(node, context) ?? placeReason(node, use, context);
  return reason === undefined ? undefined : { node, reason, isKind: false };
}

function scopeReason(node: GraphNode, { ignores, targets, paper }: RefusalContext): string | undefined {
  if (ignores(node)) return 'it is listed in ignored_scopes';
  if (!targets(node)) return 'it is not listed in target_scopes';
  const exclusion = paper.get(node);
  return exclusion === undefined ? undefined : PAPER[exclusion];
}

function placeReason(node: GraphNode, use: WeightUse | undefined, { graph, earlier }: RefusalContext): string | undefined {
  if (use === undefined) return 'its weight is no variable of the model';
  if (operandValue(graph, node, 0).dtype !== 'float32') return 'it reads no real numbers';
  const closed = [node, ...use.points.map((point) => point.node)].find(({ insertable }) => !insertable);
  if (closed !== undefined) return `nothing can be inserted at ${closed.name}`;
  const places = new Set([`${node.name}:0`, ...use.points.map(({ node: reader, port }) => `${reader.name}:${port}`)]);
  const owner = earlier.find(
    ({ transform, points }) =>
      transform === 'discretize' && points.some(({ node: at, port, side }) => side !== 'result' && places.has(`${at}:${port}`)),
  );
  return owner && `${owner.algorithm}, which stands before in the configuration, has it`;
}

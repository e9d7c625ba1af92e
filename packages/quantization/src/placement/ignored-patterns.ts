import type { GraphNode } from '@nncf/core';
import type { QuantizationConfig } from '../config.ts';
import type { DevicePreset } from './devices.ts';
import type { GraphView } from './graph-view.ts';
import { isClosed, isElementwise, regionBetween } from './regions.ts';

/**
 * Parts of networks that lose more accuracy in integers than they win time: names as in NNCF. `se_block`: the two convolutions of squeeze and
 * excite and what lies between them. `multihead_attention_output`: the product of attention weights and values.
 */
export type IgnoredPattern = (typeof IGNORED_PATTERNS)[number];

export const IGNORED_PATTERNS = ['se_block', 'multihead_attention_output'] as const;

/** Why the network's kind leaves a node alone. */
export type PatternExclusion = IgnoredPattern | 'transformer';

const FINDERS: Readonly<Record<IgnoredPattern, (view: GraphView, node: GraphNode) => readonly GraphNode[]>> = {
  se_block: squeezeAndExcite,
  multihead_attention_output: attentionOutput,
};

/** Nodes that the configuration's `ignored_patterns` and `model_type` exclude, by id. */
export function ignoredNodes(view: GraphView, config: QuantizationConfig, device: DevicePreset): ReadonlyMap<number, PatternExclusion> {
  const isTransformer = config.model_type === 'transformer';
  const patterns = new Set(config.ignored_patterns ?? []);
  if (isTransformer) patterns.add('multihead_attention_output');
  const ignored = new Map<number, PatternExclusion>();
  for (const node of view.graph.nodes) {
    if (isTransformer && isGlue(view, node, device)) ignored.set(node.id, 'transformer');
    for (const pattern of patterns) for (const { id } of FINDERS[pattern](view, node)) ignored.set(id, pattern);
  }
  return ignored;
}

/** Nodes between the mean of `x` and the product with `x` that a node is: two convolutions or dense layers with their activations. */
function squeezeAndExcite(view: GraphView, node: GraphNode): readonly GraphNode[] {
  if (node.op !== 'Multiply' || node.inputs.length !== 2) return [];
  const [a, b] = node.inputs as [number, number];
  return squeezedGate(view, node, a, b) ?? squeezedGate(view, node, b, a) ?? [];
}

const isMean = ({ op }: GraphNode): boolean => op === 'Mean' || op === 'AvgPool';

function squeezedGate(view: GraphView, product: GraphNode, x: number, gate: number): readonly GraphNode[] | undefined {
  const isStep = (node: GraphNode): boolean =>
    isMean(node) ||
    isElementwise(node) ||
    isLayer(view, node) ||
    view.info(node).role === 'activation' ||
    view.info(node).trait === 'agnostic';
  const region = regionBetween(view, gate, x, isStep);
  if (region === undefined || !isClosed(view, region, product)) return undefined;
  const squeezed = region.filter((node) => !isMean(node));
  const readsAll = squeezed.some((node) => node.inputs.includes(x));
  const hasShape = region.length === squeezed.length + 1 && squeezed.filter((node) => isLayer(view, node)).length === 2;
  return hasShape && !readsAll ? squeezed : undefined;
}

/** Whether a node is a convolution or product with weights. */
function isLayer(view: GraphView, node: GraphNode): boolean {
  return view.info(node).role === 'linear' && view.activationOperands(node).length === 1;
}

/** The product that a node is, with what lies between it and a softmax, if its other factor was only moved. */
function attentionOutput(view: GraphView, node: GraphNode): readonly GraphNode[] {
  const factors = view.activationOperands(node).map(({ port }) => view.value(node.inputs[port] ?? -1));
  if (node.op !== 'MatMul' || factors.length !== 2) return [];
  const weights = factors.find((value) => view.producer(view.source(value))?.op === 'Softmax');
  const values = view.producer(factors.find((value) => value !== weights) ?? factors[0]!);
  const isMoved = values !== undefined && ['agnostic', 'concat'].includes(view.info(values).trait);
  return weights !== undefined && isMoved ? [node, ...moversAbove(view, weights.id)] : [];
}

function moversAbove(view: GraphView, id: number): readonly GraphNode[] {
  const source = view.source(view.value(id));
  return regionBetween(view, id, source.id, (node) => view.info(node).trait === 'agnostic') ?? [];
}

/** Operations between the products of a transformer, which NNCF leaves in floating point there. */
const SCALING: ReadonlySet<string> = new Set(['ResizeBilinear', 'ResizeNearestNeighbor', 'DepthToSpace']);

function isGlue(view: GraphView, node: GraphNode, device: DevicePreset): boolean {
  const { trait, role } = view.info(node);
  if (trait !== 'quantizable' || role === 'linear' || SCALING.has(node.op)) return false;
  return !(node.op === 'Multiply' && device.name === 'CPU_SPR');
}

import type { GraphNode, GraphValue, Operand } from '@nncf/core';
import { operandKey, operandsOf, type GraphView } from './graph-view.ts';
import type { WrittenNormalization } from './normalization.ts';
import type { FusionRole } from './operations.ts';
import { isElementwise, regionBetween } from './regions.ts';

/**
 * Operands that lie inside an operation of the runtime, where nothing is quantized: a convolution, in groups or not, or product takes up its bias,
 * batch normalization and activation, or directly an addition; arithmetic and activations take up batch normalization; an
 * activation written out as `x · g(x)` is one operation, and so is a normalization by statistics of its own input.
 */
export function fusedOperands(view: GraphView, normalizations: readonly WrittenNormalization[]): ReadonlySet<string> {
  const inner = normalizations.flatMap((normalization) => normalization.inner);
  return new Set([...view.graph.nodes.flatMap((node) => fusedInto(view, node)), ...inner].map(operandKey));
}

function fusedInto(view: GraphView, node: GraphNode): readonly Operand[] {
  const { role } = view.info(node);
  if (role === 'normalization') return beforeNormalization(view, node);
  if (role !== 'arithmetic') return [];
  const activation = activationEnding(view, node);
  return activation === undefined ? beforeArithmetic(view, node) : activation.flatMap(operandsOf);
}

const NORMALIZED: readonly (FusionRole | undefined)[] = ['linear', 'arithmetic', 'activation'];

function beforeNormalization(view: GraphView, node: GraphNode): readonly Operand[] {
  const producer = soleProducer(view, view.value(node.inputs[0] ?? -1));
  if (producer === undefined) return [];
  const isUnit = NORMALIZED.includes(view.info(producer).role) || linearBehind(view, producer) !== undefined;
  return isUnit ? [{ node, port: 0 }] : [];
}

/** A sum of two products is fused into the first of them; the other is an input like any. */
function beforeArithmetic(view: GraphView, node: GraphNode): readonly Operand[] {
  const operands = view.activationOperands(node);
  if (operands.length < 2) return [];
  const fused = operands.find(({ port }) => {
    const producer = soleProducer(view, view.value(node.inputs[port] ?? -1));
    return producer !== undefined && linearBehind(view, producer) !== undefined;
  });
  return fused === undefined ? [] : [fused];
}

/** The convolution or product that a node is, or that it adds biases to or scales; of a convolution in groups the first group. */
function linearBehind(view: GraphView, node: GraphNode): GraphNode | undefined {
  if (view.info(node).role === 'linear') return node;
  if (node.op === 'Concat') return firstGroup(view, node);
  const [operand, ...others] = view.activationOperands(node);
  if (view.info(node).role !== 'arithmetic' || operand === undefined || others.length > 0) return undefined;
  const producer = soleProducer(view, view.value(node.inputs[operand.port] ?? -1));
  return producer === undefined ? undefined : linearBehind(view, producer);
}

/** The first of the convolutions that a concatenation joins again after a split of the channels: a runtime has one operation for all of that. */
function firstGroup(view: GraphView, join: GraphNode): GraphNode | undefined {
  const groups = join.inputs.map((id) => soleProducer(view, view.value(id)));
  const splits = groups.map((group) => (group === undefined ? undefined : view.producer(view.value(group.inputs[0] ?? -1))));
  const [split] = splits;
  const isWhole = split?.op === 'SplitV' && split.outputs.length === groups.length && splits.every((each) => each === split);
  return isWhole && groups.every((group) => group !== undefined && view.info(group).role === 'linear') ? groups[0] : undefined;
}

/** Producer of a value that nobody else reads. */
function soleProducer(view: GraphView, value: GraphValue): GraphNode | undefined {
  return view.readers(value).length === 1 && !view.isOutput(value) ? view.producer(value) : undefined;
}

/** Most steps that a written-out activation takes besides the final product. */
const LONGEST_ACTIVATION = 12;

/** The nodes of `x · g(x)` whose product a node is, `x` scaled by constants or not: swish, hard swish, mish, GELU. */
function activationEnding(view: GraphView, node: GraphNode): readonly GraphNode[] | undefined {
  if (node.op !== 'Multiply' || node.inputs.length !== 2) return undefined;
  const [a, b] = node.inputs as [number, number];
  const steps = functionOf(view, b, unscaled(view, a)) ?? functionOf(view, a, unscaled(view, b));
  return steps === undefined ? undefined : [...steps, node];
}

/** The element-wise steps by which `from` is computed from `to` alone. */
function functionOf(view: GraphView, from: number, to: number): readonly GraphNode[] | undefined {
  const steps = regionBetween(view, from, to, isElementwise) ?? [];
  return steps.length > 0 && steps.length <= LONGEST_ACTIVATION ? steps : undefined;
}

/** The value without the factors that are constant. */
function unscaled(view: GraphView, id: number): number {
  const node = view.producer(view.value(id));
  const [operand, ...others] = node === undefined ? [] : view.activationOperands(node);
  if (node === undefined || operand === undefined || others.length > 0 || !['Multiply', 'RealDiv'].includes(node.op)) return id;
  return unscaled(view, node.inputs[operand.port] ?? -1);
}

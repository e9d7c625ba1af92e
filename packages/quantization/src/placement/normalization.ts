import type { GraphNode, GraphValue, Operand } from '@nncf/core';
import { operandsOf, type GraphView } from './graph-view.ts';
import { isElementwise, regionBetween } from './regions.ts';

/** A normalization by statistics of its own input, written as operations. */
export interface WrittenNormalization {
  /** Nodes that read what is normalized: all of them read it quantized, whatever the operation. */
  readonly heads: readonly GraphNode[];
  /** Operands inside. */
  readonly inner: readonly Operand[];
}

const AVERAGES: ReadonlySet<string> = new Set(['Mean', 'Sum']);
const SQUARES: ReadonlySet<string> = new Set(['Square', 'SquaredDifference', 'Pow', 'Multiply']);
/** From a variance to what the values are divided by or multiplied with. */
const DEVIATION_STEPS: ReadonlySet<string> = new Set(['Add', 'Maximum', 'Sqrt', 'Rsqrt', 'Reciprocal', 'RealDiv', 'Pow']);

/**
 * Finds layer normalization, and normalization by the root mean square or the Euclidean norm, as TensorFlow.js and people write them: from the
 * division by the deviation, or the batch normalization that is given computed statistics, back to what is normalized.
 */
export function writtenNormalizations(view: GraphView): readonly WrittenNormalization[] {
  return view.graph.nodes.flatMap((node) => normalizationEnding(view, node) ?? []);
}

function normalizationEnding(view: GraphView, end: GraphNode): WrittenNormalization | undefined {
  if (!['Multiply', 'RealDiv', 'FusedBatchNorm'].includes(end.op)) return undefined;
  for (const { port } of view.activationOperands(end)) {
    const average = averageBehind(view, end.inputs[port] ?? -1, end.op !== 'FusedBatchNorm');
    const x = average === undefined ? undefined : squaredBy(view, average);
    const region = x === undefined ? undefined : regionOf(view, end, x);
    if (x !== undefined && region !== undefined) return unitOf(view, x, [...region, end]);
  }
  return undefined;
}

function unitOf(view: GraphView, x: GraphValue, nodes: readonly GraphNode[]): WrittenNormalization {
  const operands = nodes.flatMap(operandsOf);
  const readsX = ({ node, port }: Operand): boolean => unmoved(view, node.inputs[port] ?? -1) === x;
  const heads = operands.filter(readsX).map(({ node }) => node);
  return { heads: heads.filter((node) => view.info(node).trait !== 'agnostic'), inner: operands.filter((operand) => !readsX(operand)) };
}

/** The mean or sum of squares that a deviation is computed from. */
function averageBehind(view: GraphView, id: number, needsRoot: boolean): GraphNode | undefined {
  let hasRoot = !needsRoot;
  let node = view.producer(view.value(id));
  while (node !== undefined && !AVERAGES.has(node.op)) {
    const operands = view.activationOperands(node);
    const isStep = DEVIATION_STEPS.has(node.op) || view.info(node).trait === 'agnostic';
    if (!isStep || operands.length !== 1) return undefined;
    hasRoot ||= ['Sqrt', 'Rsqrt', 'Pow'].includes(node.op);
    node = view.producer(view.value(node.inputs[operands[0]?.port ?? 0] ?? -1));
  }
  return hasRoot ? node : undefined;
}

/** What was squared, without the subtraction of its mean. */
function squaredBy(view: GraphView, average: GraphNode): GraphValue | undefined {
  const square = view.producer(unmoved(view, average.inputs[0] ?? -1));
  if (square === undefined || !SQUARES.has(square.op)) return undefined;
  if (square.op === 'Multiply' && square.inputs[0] !== square.inputs[1]) return undefined;
  const base = unmoved(view, square.inputs[0] ?? -1);
  const centred = view.producer(base);
  return centred?.op === 'Sub' && centred.inputs.length === 2 ? unmoved(view, centred.inputs[0] ?? -1) : base;
}

function unmoved(view: GraphView, id: number): GraphValue {
  const value = view.value(id);
  const node = view.producer(value);
  return node !== undefined && ['Cast', 'Identity'].includes(node.op) ? unmoved(view, node.inputs[0] ?? -1) : value;
}

/** What computes all operands of the end out of `x`. */
function regionOf(view: GraphView, end: GraphNode, x: GraphValue): readonly GraphNode[] | undefined {
  const isStep = (node: GraphNode): boolean =>
    AVERAGES.has(node.op) ||
    SQUARES.has(node.op) ||
    DEVIATION_STEPS.has(node.op) ||
    isElementwise(node) ||
    view.info(node).trait === 'agnostic';
  const regions = view.activationOperands(end).map(({ port }) => regionBetween(view, end.inputs[port] ?? -1, x.id, isStep));
  const nodes = new Map<number, GraphNode>();
  for (const region of regions) {
    if (region === undefined) return undefined;
    for (const node of region) nodes.set(node.id, node);
  }
  return [...nodes.values()].toSorted((a, b) => a.id - b.id);
}

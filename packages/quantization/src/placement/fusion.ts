import type { GraphNode, GraphValue, Operand } from '@nncf/core';
import { operandKey, operandsOf, type GraphView } from './graph-view.ts';
import type { FusionRole } from './operations.ts';

/**
 * Operands that lie inside an operation of the runtime, where nothing is quantized: a convolution or product takes up its bias,
 * batch normalization and activation, or directly an addition; arithmetic and activations take up batch normalization; an
 * activation written out as `x · g(x)` is one operation.
 */
export function fusedOperands(view: GraphView): ReadonlySet<string> {
  return new Set(view.graph.nodes.flatMap((node) => fusedInto(view, node)).map(operandKey));
}

function fusedInto(view: GraphView, node: GraphNode): readonly Operand[] {
  const { role } = view.info(node);
  if (role === 'normalization') return beforeNormalization(view, node);
  if (role !== 'arithmetic') return [];
  return isGate(view, node) ? operandsOf(node) : beforeArithmetic(view, node);
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

/** The convolution or product that a node is, or that it adds biases to or scales. */
function linearBehind(view: GraphView, node: GraphNode): GraphNode | undefined {
  if (view.info(node).role === 'linear') return node;
  const [operand, ...others] = view.activationOperands(node);
  if (view.info(node).role !== 'arithmetic' || operand === undefined || others.length > 0) return undefined;
  const producer = soleProducer(view, view.value(node.inputs[operand.port] ?? -1));
  return producer === undefined ? undefined : linearBehind(view, producer);
}

/** Producer of a value that nobody else reads. */
function soleProducer(view: GraphView, value: GraphValue): GraphNode | undefined {
  return view.readers(value).length === 1 && !view.isOutput(value) ? view.producer(value) : undefined;
}

/** Steps that a written-out activation is made of besides the final product. */
const GATE_STEPS: ReadonlySet<string> = new Set([
  'Sigmoid',
  'Tanh',
  'Relu',
  'Relu6',
  'ClipByValue',
  'Softplus',
  'Erf',
  'Exp',
  'Log',
  'Log1p',
  'Pow',
  'Square',
  'Add',
  'Sub',
  'Multiply',
  'RealDiv',
]);
const LONGEST_GATE = 8;

/** Whether a product is the end of `x · g(x)`: swish, hard swish, mish, GELU. */
function isGate(view: GraphView, node: GraphNode): boolean {
  if (node.op !== 'Multiply' || node.inputs.length !== 2) return false;
  const [a, b] = node.inputs as [number, number];
  return leadsBack(view, a, b, LONGEST_GATE) || leadsBack(view, b, a, LONGEST_GATE);
}

/** Whether `from` is computed from `to` alone by element-wise steps. */
function leadsBack(view: GraphView, from: number, to: number, steps: number): boolean {
  const node = view.producer(view.value(from));
  if (node === undefined || steps === 0 || from === to || !GATE_STEPS.has(node.op)) return false;
  const operands = view.activationOperands(node).map(({ port }) => node.inputs[port] ?? -1);
  return operands.length > 0 && operands.every((operand) => operand === to || leadsBack(view, operand, to, steps - 1));
}

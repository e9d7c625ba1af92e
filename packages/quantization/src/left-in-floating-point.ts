import type { GraphNode, Operand, StatisticsTable } from '@nncf/core';
import type { Refusal } from './placement/demands.ts';
import { operandKey, operandsOf, type GraphView } from './placement/graph-view.ts';
import type { QuantizerLookup } from './precision/adjacency.ts';
import type { StatisticsSource } from './statistics.ts';

type Row = readonly [operation: string, what: string, why: string];

/** Operations that do not compute in integers, with the reason. */
export function floatingTable(source: StatisticsSource, lookup: QuantizerLookup): StatisticsTable {
  const { view, plan } = source;
  const hidden = new Set(plan.uninsertable.map(operandKey));
  const uninsertable = view.graph.nodes.flatMap((node) => operandsOf(node).filter((operand) => hidden.has(operandKey(operand))));
  const explained = new Set([...plan.refusals, ...uninsertable].map(({ node }) => node.id));
  const layers = view.graph.nodes.filter((node) => view.info(node).role === 'linear' && !explained.has(node.id));
  return {
    title: 'Left in floating point',
    columns: ['operation', 'what', 'why'],
    rows: [
      ...plan.refusals.map((refusal): Row => [refusal.node.name, refusal.group, reasonText(refusal)]),
      ...uninsertable.map(({ node, port }): Row => [node.name, `operand ${port}`, 'nothing can be inserted here']),
      ...layers.flatMap((node) => unquantizedFactors(view, node, lookup)),
      ...switchedOff(source),
      ...withoutIntegers(view),
    ],
  };
}

const REASONS: Readonly<Record<Refusal['reason'], string>> = {
  ignored_scopes: 'listed in ignored_scopes',
  target_scopes: 'not listed in target_scopes',
  se_block: 'part of a squeeze-and-excite block (ignored_patterns)',
  multihead_attention_output: 'product of attention weights and values (ignored_patterns)',
  transformer: 'no product of a transformer (model_type)',
  constant: 'its weights are no variable of the model',
  discretized: 'discretized by',
};

function reasonText({ reason, by }: Refusal): string {
  return reason === 'discretized' ? `${REASONS[reason]} ${by ?? 'another algorithm'}` : REASONS[reason];
}

/** Factors of a convolution or product that have passed no quantizer, though nothing refuses one. */
function unquantizedFactors(view: GraphView, node: GraphNode, lookup: QuantizerLookup): readonly Row[] {
  const factors = operandsOf(node).slice(0, 2);
  return factors
    .filter(({ port }) => lookup(node, port) === undefined)
    .map((factor): Row => [node.name, `operand ${factor.port}`, whyOpen(view, factor)]);
}

function whyOpen(view: GraphView, { node, port }: Operand): string {
  const { kind } = view.source(view.value(node.inputs[port] ?? -1));
  return kind === 'input' ? 'reads an input of the model (quantize_inputs)' : 'no quantizer stands before it';
}

/** Quantizers that let tensors pass: not started yet, or given back. */
function switchedOff({ quantizers }: StatisticsSource): readonly Row[] {
  const off = [...quantizers.values()].filter(({ enabled }) => !enabled);
  return off.map(({ name, isWeight }): Row => [name, isWeight ? 'weights' : 'activations', 'its quantizer is switched off']);
}

/** Kinds of operations that no runtime computes in integers; activations aside, which are part of what stands before them. */
function withoutIntegers(view: GraphView): readonly Row[] {
  const counts = new Map<string, number>();
  for (const node of view.graph.nodes) {
    const { trait, role } = view.info(node);
    if (trait === 'floating' && role === undefined && view.activationOperands(node).length > 0)
      counts.set(node.op, (counts.get(node.op) ?? 0) + 1);
  }
  return [...counts].map(([op, count]): Row => [count === 1 ? op : `${op} (${count})`, 'operation', 'has no integer version']);
}

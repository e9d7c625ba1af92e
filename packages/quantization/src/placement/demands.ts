import type { GraphNode, Operand, PlanCommand } from '@nncf/core';
import { matchesScope } from '@nncf/core';
import type { QuantizationConfig } from '../config.ts';
import type { QuantizerScheme } from '../scheme.ts';
import { weightChannelAxes } from './channel-axes.ts';
import type { DevicePreset } from './devices.ts';
import { fusedOperands } from './fusion.ts';
import { isReal, operandKey, operandsOf, type GraphView } from './graph-view.ts';
import type { Groups } from './groups.ts';
import { activationScheme, weightScheme, type QuantizerGroup } from './schemes.ts';
import { scopeFilter, type Exclusion, type ScopeFilter } from './scopes.ts';
import { matchPatterns, type PatternMatches } from './subgraph-patterns.ts';

/** The wish that an operand be quantized. */
export interface Demand {
  readonly scheme: QuantizerScheme;
  /** Axes of the operand with a scale for every position; none per tensor. */
  readonly axes: readonly number[];
  readonly group: QuantizerGroup;
  /** Demands whose sets are joined get one quantizer. */
  readonly unify: number;
}

/** Why an operand of a quantizable operation is not quantized. */
export interface Refusal {
  readonly node: GraphNode;
  readonly group: QuantizerGroup;
  readonly reason: Exclusion | 'discretized' | 'constant';
  /** The algorithm that has discretized the operand. */
  readonly by?: string | undefined;
}

/** What the operations of a model want. */
export interface Demands {
  readonly byOperand: ReadonlyMap<string, Demand>;
  readonly refusals: readonly Refusal[];
  readonly filter: ScopeFilter;
  readonly patterns: PatternMatches;
}

/** What demands are made from. */
export interface DemandContext {
  readonly view: GraphView;
  readonly config: QuantizationConfig;
  readonly device: DevicePreset;
  readonly groups: Groups;
  /** Commands of algorithms that were planned before. */
  readonly earlier: readonly PlanCommand[];
}

/** Collects the wishes of all quantizable operations. */
export function collectDemands(context: DemandContext): Demands {
  const { view, config } = context;
  const filter = scopeFilter(config);
  const patterns = matchPatterns(view, config.quantizable_subgraph_patterns ?? []);
  const fused = new Set([...fusedOperands(view), ...patterns.inner]);
  const first = firstLinearNodes(view);
  const taken = discretizedOperands(context.earlier);
  const refusals: Refusal[] = [];
  const byOperand = new Map<string, Demand>();
  for (const node of view.graph.nodes) {
    const wishes = [...activationWishes(context, node, patterns.heads.has(node.id)), ...weightWishes(context, node, first.has(node.id))];
    for (const [operand, demand] of wishes) {
      if (fused.has(operandKey(operand))) continue;
      const refusal = refuse(operand, demand, filter, taken);
      if (refusal === undefined) byOperand.set(operandKey(operand), demand);
      else refusals.push(refusal);
    }
    if (hasConstantWeights(view, node)) refusals.push({ node, group: 'weights', reason: 'constant' });
  }
  unifyConfigured(context, byOperand);
  return { byOperand, refusals, filter, patterns };
}

type Wish = readonly [Operand, Demand];

function activationWishes({ view, config, device, groups }: DemandContext, node: GraphNode, isHead: boolean): readonly Wish[] {
  const { trait, role } = view.info(node);
  const operands = view.activationOperands(node);
  // Arithmetic with a constant scales or shifts one tensor: no integer version of it is faster.
  const isWanted = isHead || (trait === 'quantizable' && (role !== 'arithmetic' || operands.length >= 2));
  if (!isWanted) return [];
  const scheme = activationScheme(config, node);
  const isUnified = trait === 'concat' || (device.unifiedArithmetic && role === 'arithmetic');
  const shared = isUnified ? groups.create() : undefined;
  return operands.map((operand) => {
    const rank = view.value(node.inputs[operand.port] ?? -1).traceShape.length;
    const axes = scheme.perChannel && shared === undefined && rank > 1 ? [rank - 1] : [];
    return [operand, { scheme: { ...scheme, perChannel: axes.length > 0 }, axes, group: 'activations', unify: shared ?? groups.create() }];
  });
}

function weightWishes({ view, config, device, groups }: DemandContext, node: GraphNode, isFirst: boolean): readonly Wish[] {
  return weightOperands(view, node).map((operand) => {
    const scheme = weightScheme(config, device, node, isFirst);
    const axes = scheme.perChannel ? weightChannelAxes(view, node, operand.port) : [];
    return [operand, { scheme, axes, group: 'weights', unify: groups.create() }];
  });
}

/** Operands of a convolution or product that come from a variable. */
function weightOperands(view: GraphView, node: GraphNode): readonly Operand[] {
  return weightPorts(view, node).filter(({ port }) => view.source(view.value(node.inputs[port] ?? -1)).kind === 'variable');
}

function hasConstantWeights(view: GraphView, node: GraphNode): boolean {
  return weightPorts(view, node).some(({ port }) => view.source(view.value(node.inputs[port] ?? -1)).kind === 'constant');
}

function weightPorts(view: GraphView, node: GraphNode): readonly Operand[] {
  const { weights } = view.info(node);
  if (weights === undefined) return [];
  const ports = node.op === 'MatMul' ? [0, 1] : [weights.port];
  return operandsOf(node).filter(({ port }) => ports.includes(port) && isReal(view.value(node.inputs[port] ?? -1)));
}

function refuse({ node, port }: Operand, { group }: Demand, filter: ScopeFilter, taken: ReadonlyMap<string, string>): Refusal | undefined {
  const exclusion = filter[group](node);
  if (exclusion !== undefined) return { node, group, reason: exclusion };
  const by = taken.get(`${node.name}:${port}`);
  return by === undefined ? undefined : { node, group, reason: 'discretized', by };
}

function discretizedOperands(earlier: readonly PlanCommand[]): ReadonlyMap<string, string> {
  const commands = earlier.filter(({ transform }) => transform === 'discretize');
  return new Map(
    commands.flatMap(({ algorithm, points }) =>
      points.filter(({ side }) => side !== 'result').map(({ node, port }) => [`${node}:${port}`, algorithm] as const),
    ),
  );
}

/** Convolutions and products that see the model's inputs before any other has. */
function firstLinearNodes(view: GraphView): ReadonlySet<number> {
  const first = new Set<number>();
  const reached = new Set(view.graph.inputs);
  for (const node of view.graph.nodes) {
    if (!node.inputs.some((id) => reached.has(id))) continue;
    if (view.info(node).role === 'linear') first.add(node.id);
    else for (const id of node.outputs) reached.add(id);
  }
  return first;
}

function unifyConfigured({ view, config, groups }: DemandContext, byOperand: ReadonlyMap<string, Demand>): void {
  const { unified_scale_ops = [], linked_quantizer_scopes = [] } = config.activations ?? {};
  for (const scopes of [...unified_scale_ops, ...linked_quantizer_scopes]) {
    const shared = groups.create();
    const nodes = view.graph.nodes.filter((node) => scopes.some((scope) => matchesScope(scope, node)));
    for (const operand of nodes.flatMap((node) => view.activationOperands(node))) {
      const demand = byOperand.get(operandKey(operand));
      if (demand !== undefined) groups.join(demand.unify, shared);
    }
  }
}

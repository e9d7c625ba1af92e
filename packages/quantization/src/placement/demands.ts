import type { GraphNode, Operand, PlanCommand } from '@nncf/core';
import { matchesScope } from '@nncf/core';
import type { QuantizationConfig } from '../config.ts';
import { weightChannelAxes } from './channel-axes.ts';
import { withBits, type Demand } from './demand.ts';
import { widthsOn, type DevicePreset } from './devices.ts';
import { fusedOperands } from './fusion.ts';
import { isReal, operandKey, operandsOf, type GraphView } from './graph-view.ts';
import type { Groups } from './groups.ts';
import { ignoredNodes, type IgnoredPattern } from './ignored-patterns.ts';
import { writtenNormalizations } from './normalization.ts';
import { activationScheme, chosenBits, weightScheme, type QuantizerGroup } from './schemes.ts';
import { scopeFilter, type Exclusion, type ScopeFilter } from './scopes.ts';
import { matchPatterns, type PatternMatches } from './subgraph-patterns.ts';

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
  /** Entries of `ignored_patterns` that the model has not. */
  readonly unmatchedParts: readonly IgnoredPattern[];
  /** Groups of operations to be unified at which fewer than two quantizers are wanted: `unified_scale_ops/0`. */
  readonly emptyGroups: readonly string[];
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
  const { view, config, device } = context;
  const ignored = ignoredNodes(view, config, device);
  const filter = scopeFilter(config, ignored);
  const patterns = matchPatterns(view, config.quantizable_subgraph_patterns ?? []);
  const normalizations = writtenNormalizations(view);
  const fused = new Set([...fusedOperands(view, normalizations), ...patterns.inner]);
  const heads = new Set([...patterns.heads, ...normalizations.flatMap(({ heads: own }) => own.map(({ id }) => id))]);
  const first = firstLinearNodes(view);
  const taken = discretizedOperands(context.earlier);
  const refusals: Refusal[] = [];
  const byOperand = new Map<string, Demand>();
  for (const node of view.graph.nodes) {
    const wishes = [...activationWishes(context, node, heads.has(node.id)), ...weightWishes(context, node, first.has(node.id))];
    for (const [operand, demand] of wishes) {
      if (fused.has(operandKey(operand))) continue;
      const refusal = refuse(operand, demand, filter, taken);
      if (refusal === undefined) byOperand.set(operandKey(operand), demand);
      else refusals.push(refusal);
    }
    if (hasConstantWeights(view, node)) refusals.push({ node, group: 'weights', reason: 'constant' });
  }
  const parts = new Set(ignored.values());
  const unmatchedParts = (config.ignored_patterns ?? []).filter((pattern) => !parts.has(pattern));
  return { byOperand, refusals, filter, patterns, unmatchedParts, emptyGroups: unifyConfigured(context, byOperand) };
}

type Wish = readonly [Operand, Demand];

function activationWishes(context: DemandContext, node: GraphNode, isHead: boolean): readonly Wish[] {
  const { view, config, device, groups } = context;
  const { trait, role } = view.info(node);
  const all = view.activationOperands(node);
  // Statistics that were computed are no tensor that an integer version of the operation would read.
  const operands = role === 'normalization' ? all.filter(({ port }) => port === 0) : all;
  // Arithmetic with a constant scales or shifts one tensor: no integer version of it is faster.
  const isWanted = isHead || (trait === 'quantizable' && (role !== 'arithmetic' || operands.length >= 2));
  if (!isWanted) return [];
  const isUnified = device.unifiedScales.includes(node.op);
  const shared = isUnified ? groups.create() : undefined;
  const scheme = activationScheme(config, node);
  return operands.map((operand) => {
    const rank = view.value(node.inputs[operand.port] ?? -1).traceShape.length;
    const axes = scheme.perChannel && !isUnified && rank > 1 ? [rank - 1] : [];
    const own = { ...scheme, perChannel: axes.length > 0 };
    return [operand, demandOf(context, node, { scheme: own, axes, group: 'activations', unify: shared ?? groups.create(), isUnified })];
  });
}

function weightWishes(context: DemandContext, node: GraphNode, isFirst: boolean): readonly Wish[] {
  const { view, config, device, groups } = context;
  return weightOperands(view, node).map((operand) => {
    const scheme = weightScheme(config, device, node, isFirst);
    const axes = scheme.perChannel ? weightChannelAxes(view, node, operand.port) : [];
    const own = { ...scheme, perChannel: axes.length > 0 };
    return [operand, demandOf(context, node, { scheme: own, axes, group: 'weights', unify: groups.create(), isUnified: false })];
  });
}

/** Width of whatever nobody has said one for, where the device has it. */
const DEFAULT_BITS = 8;

/** A demand in the widths that the user has chosen, else in those of the device. */
function demandOf({ config, device }: DemandContext, node: GraphNode, wish: Omit<Demand, 'bits' | 'supported'>): Demand {
  const supported = widthsOn(device, node.op, wish.group);
  const chosen = chosenBits(config, wish.group, node);
  const bits = chosen === undefined ? (supported ?? [DEFAULT_BITS]) : [chosen];
  return withBits({ ...wish, bits, supported }, bits[0] ?? DEFAULT_BITS);
}

/** Operands of a convolution, product or lookup that come from a variable. */
function weightOperands(view: GraphView, node: GraphNode): readonly Operand[] {
  if (isLookup(view, node)) return [{ node, port: 0 }];
  return weightPorts(view, node).filter(({ port }) => view.source(view.value(node.inputs[port] ?? -1)).kind === 'variable');
}

/** Whether a node looks rows of a table up by what comes in: what is found is a weight, quantized in the table whoever reads it. */
function isLookup(view: GraphView, node: GraphNode): boolean {
  const [table, indices] = node.inputs.map((id) => view.value(id));
  if (node.op !== 'GatherV2' || table?.kind !== 'variable' || indices === undefined) return false;
  const { kind } = view.source(indices);
  return isReal(table) && (kind === 'input' || kind === 'activation');
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

/** Joins what the configuration wants on one grid, and tells which groups join nothing. */
function unifyConfigured({ view, config, groups }: DemandContext, byOperand: Map<string, Demand>): readonly string[] {
  const { activations = {} } = config;
  const lists = (['unified_scale_ops', 'linked_quantizer_scopes'] as const).flatMap((key) =>
    (activations[key] ?? []).map((scopes, index) => ({ at: `${key}/${index}`, scopes })),
  );
  return lists.flatMap(({ at, scopes }) => {
    const nodes = view.graph.nodes.filter((node) => scopes.some((scope) => matchesScope(scope, node)));
    const keys = nodes.flatMap((node) => view.activationOperands(node)).map(operandKey);
    const wanted = keys.flatMap((key) => (byOperand.has(key) ? [[key, byOperand.get(key) as Demand] as const] : []));
    const shared = groups.create();
    for (const [key, demand] of wanted) {
      groups.join(demand.unify, shared);
      byOperand.set(key, { ...demand, isUnified: true });
    }
    return wanted.length < 2 ? [at] : [];
  });
}

import type { AlgorithmStatistics, GraphNode, InsertionPoint, PlanCommand, StatisticsTable } from '@nncf/core';
import { multiplyAdds } from './multiply-adds.ts';
import { floatingTable } from './left-in-floating-point.ts';
import type { QuantizerLookup } from './precision/adjacency.ts';
import { operandsOf, type GraphView } from './placement/graph-view.ts';
import type { QuantizationPlan } from './placement/plan.ts';
import type { FakeQuantizer } from './quantizers/fake-quantizer.ts';
import { SymmetricQuantizer } from './quantizers/symmetric-quantizer.ts';

/** What statistics are taken of. */
export interface StatisticsSource {
  readonly view: GraphView;
  readonly plan: QuantizationPlan;
  readonly commands: readonly PlanCommand[];
  readonly quantizers: ReadonlyMap<string, FakeQuantizer>;
}

const FLOAT_BITS = 32;
const BITS_PER_BYTE = 8;

/**
 * Figures of the live model: how many quantizers, which share of the weights, activations and multiply-adds has which bit width, the size of the
 * model, and what is left in floating point and why.
 */
export function quantizationStatistics(source: StatisticsSource): AlgorithmStatistics {
  const groups = [...source.quantizers.values()];
  const weights = groups.filter(({ isWeight }) => isWeight);
  const weightBits = weightsByBits(source);
  const activationBits = activationsByBits(source);
  const elements = total(weightBits);
  const bytes = [...weightBits].reduce((sum, [bits, count]) => sum + (bits * count) / BITS_PER_BYTE, 0);
  const operations = operationsByBits(source);
  return {
    values: {
      weightQuantizers: weights.length,
      activationQuantizers: groups.length - weights.length,
      activeQuantizers: groups.filter(({ isActive }) => isActive).length,
      quantizedWeights: quantizedShare(weightBits),
      quantizedActivations: quantizedShare(activationBits),
      quantizedOperations: share(total(operations) - (operations.get(FLOAT_OPERATION) ?? 0), total(operations)),
      averageWeightBits: elements === 0 ? FLOAT_BITS : (bytes * BITS_PER_BYTE) / elements,
      weightBytes: Math.ceil(bytes),
      floatBytes: (elements * FLOAT_BITS) / BITS_PER_BYTE,
      compressionRatio: bytes === 0 ? 1 : (elements * FLOAT_BITS) / BITS_PER_BYTE / bytes,
    },
    tables: [
      bitsTable(source, weightBits, activationBits),
      operationsTable(operations),
      schemesTable(groups),
      ...widthsTable(groups),
      floatingTable(source, quantizerLookup(source)),
    ],
  };
}

/** Elements of the model's variables by bit width; 32 for those in floating point. */
function weightsByBits({ view, commands, quantizers }: StatisticsSource): Map<number, number> {
  const bits = new Map<string, number>();
  for (const command of commands) {
    const quantizer = quantizers.get(command.operator);
    if (command.target === 'weight' && quantizer?.enabled === true)
      for (const value of command.values) bits.set(value, quantizer.spec.bits);
  }
  const counts = new Map<number, number>();
  for (const value of view.graph.values.filter(({ kind }) => kind === 'variable')) {
    add(counts, bits.get(value.name) ?? FLOAT_BITS, product(value.traceShape));
  }
  return counts;
}

/**
 * Elements of the tensors that quantizable operations read, for one sample, by bit width; 32 for those in floating point. A tensor that is
 * rounded to two grids counts for both.
 */
function activationsByBits(source: StatisticsSource): Map<number, number> {
  const { view, plan, commands, quantizers } = source;
  const byName = new Map(view.graph.values.map((value) => [value.name, value]));
  const rounded = commands.flatMap(({ target, operator, values }) => {
    const quantizer = quantizers.get(operator);
    const bits = quantizer?.enabled === true ? quantizer.spec.bits : FLOAT_BITS;
    return target === 'activation' ? values.map((name) => [byName.get(name), bits] as const) : [];
  });
  const lookup = quantizerLookup(source);
  const refused = plan.refusals.filter(({ group }) => group === 'activations').flatMap(({ node }) => view.activationOperands(node));
  const floating = [...refused, ...plan.uninsertable.filter(({ side }) => side === undefined)]
    .filter(({ node, port }) => lookup(node, port) === undefined)
    .map(({ node, port }) => [view.value(node.inputs[port] ?? -1), FLOAT_BITS] as const);
  const counts = new Map<number, number>();
  const seen = new Set<string>();
  for (const [value, bits] of [...rounded, ...floating]) {
    if (value === undefined || value.kind === 'variable' || seen.has(`${value.id} ${bits}`)) continue;
    seen.add(`${value.id} ${bits}`);
    add(counts, bits, product(value.traceShape) / (value.shape[0] === null ? view.graph.traceBatch : 1));
  }
  return counts;
}

function quantizedShare(counts: ReadonlyMap<number, number>): number {
  return share(total(counts) - (counts.get(FLOAT_BITS) ?? 0), total(counts));
}

const FLOAT_OPERATION = 'FP32';

/** Multiply-adds by the bit widths of both factors, `W8 A8`. */
function operationsByBits(source: StatisticsSource): Map<string, number> {
  const counts = new Map<string, number>();
  const lookup = quantizerLookup(source);
  for (const node of source.view.graph.nodes) {
    const cost = multiplyAdds(source.view.graph, node);
    if (cost > 0) add(counts, operationKind(node, lookup), cost);
  }
  return counts;
}

function operationKind(node: GraphNode, lookup: QuantizerLookup): string {
  const factors = operandsOf(node)
    .slice(0, 2)
    .map(({ port }) => lookup(node, port));
  if (factors.some((quantizer) => quantizer === undefined || !quantizer.enabled)) return FLOAT_OPERATION;
  const [a, b] = factors as [FakeQuantizer, FakeQuantizer];
  return `${b.isWeight ? 'W' : 'A'}${b.spec.bits} ${a.isWeight ? 'W' : 'A'}${a.spec.bits}`;
}

/** The quantizer that a node's operand has passed, at the operand itself, at the result, or above operations that only move values. */
export function quantizerLookup({ view, commands, quantizers }: StatisticsSource): QuantizerLookup {
  const places = new Map(
    commands.flatMap(({ points, operator }) => points.map((point) => [pointKey(point), quantizers.get(operator)] as const)),
  );
  const find: QuantizerLookup = (node, port) => {
    const value = view.value(node.inputs[port] ?? -1);
    const producer = view.producer(value);
    const here = places.get(pointKey({ node: node.name, port }));
    if (here !== undefined || producer === undefined) return here;
    const { trait } = view.info(producer);
    const above = trait === 'agnostic' || trait === 'concat' ? find(producer, 0) : undefined;
    return places.get(pointKey({ node: producer.name, port: value.output ?? 0, side: 'result' })) ?? above;
  };
  return find;
}

function pointKey({ node, port, side = 'operand' }: InsertionPoint): string {
  return `${side} ${port} of ${node}`;
}

function bitsTable(
  { quantizers }: StatisticsSource,
  weights: ReadonlyMap<number, number>,
  activations: ReadonlyMap<number, number>,
): StatisticsTable {
  const counts = new Map<number, number>();
  for (const { isWeight, spec } of quantizers.values()) if (!isWeight) add(counts, spec.bits, 1);
  const widths = [...new Set([weights, activations, counts].flatMap((each) => [...each.keys()]))].sort((a, b) => a - b);
  return {
    title: 'Bit widths',
    columns: ['bits', 'share of weights', 'share of activations', 'share of activation quantizers'],
    rows: widths.map((bits) => [
      bits === FLOAT_BITS ? FLOAT_OPERATION : bits,
      ...[weights, activations, counts].map((each) => percent(each.get(bits) ?? 0, total(each))),
    ]),
  };
}

function operationsTable(operations: ReadonlyMap<string, number>): StatisticsTable {
  return {
    title: 'Multiply-adds',
    columns: ['factors', 'millions', 'share'],
    rows: [...operations].toSorted().map(([kind, count]) => [kind, Number((count / 1e6).toFixed(3)), percent(count, total(operations))]),
  };
}

/** Every quantizer with its width, where there are several widths. */
function widthsTable(quantizers: readonly FakeQuantizer[]): readonly StatisticsTable[] {
  if (new Set(quantizers.map(({ spec }) => spec.bits)).size < 2) return [];
  return [
    {
      title: 'Quantizers by width',
      columns: ['tensor', 'kind', 'bits'],
      rows: quantizers.map(({ name, isWeight, spec }) => [name, isWeight ? 'weights' : 'activations', spec.bits]),
    },
  ];
}

function schemesTable(quantizers: readonly FakeQuantizer[]): StatisticsTable {
  const kinds: readonly (readonly [string, (quantizer: FakeQuantizer) => boolean])[] = [
    ['symmetric', ({ spec }) => spec.mode === 'symmetric'],
    ['asymmetric', ({ spec }) => spec.mode === 'asymmetric'],
    ['signed', (quantizer) => quantizer instanceof SymmetricQuantizer && quantizer.signed],
    ['unsigned', (quantizer) => quantizer instanceof SymmetricQuantizer && !quantizer.signed],
    ['per channel', ({ spec }) => spec.perChannel],
    ['per tensor', ({ spec }) => !spec.perChannel],
  ];
  const count = (isWeight: boolean, is: (quantizer: FakeQuantizer) => boolean): number =>
    quantizers.filter((quantizer) => quantizer.isWeight === isWeight && is(quantizer)).length;
  return {
    title: 'Quantizers',
    columns: ['kind', 'weights', 'activations'],
    rows: kinds.map(([kind, is]) => [kind, count(true, is), count(false, is)]),
  };
}

function add<Key>(counts: Map<Key, number>, key: Key, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

function total(counts: ReadonlyMap<unknown, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((result, size) => result * size, 1);
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function percent(part: number, whole: number): string {
  return `${(100 * share(part, whole)).toFixed(1)} %`;
}

import type { InsertionPoint, PlanCommand } from '@nncf/core';
import type { QuantizationConfig } from '../config.ts';
import { describeScheme, schemeKey, specToJson, type QuantizerSpec } from '../scheme.ts';
import { unifiedBits } from './errors.ts';
import type { Groups } from './groups.ts';
import type { Place, Placement } from './propagate.ts';
import { rangeSpec } from './range-spec.ts';

/** Name of the algorithm, in configurations and plans. */
export const ALGORITHM_NAME = 'quantization';

/** Turns placements into commands in execution order; placements whose sets were joined become one. */
export function toCommands(placements: readonly Placement[], config: QuantizationConfig, groups: Groups): readonly PlanCommand[] {
  const units = new Map<number, Placement[]>();
  for (const placement of placements.toSorted(byFirstRead)) {
    const root = groups.rootOf(placement.demand.unify);
    units.set(root, [...(units.get(root) ?? []), placement]);
  }
  const names = new Set<string>();
  return [...units.values()].map((unit) => toCommand(unit, config, names));
}

function toCommand(unit: readonly Placement[], config: QuantizationConfig, names: Set<string>): PlanCommand {
  const [first] = unit as [Placement];
  const { scheme, axes, group } = first.demand;
  const other = unit.find(({ demand }) => schemeKey(demand.scheme) !== schemeKey(scheme));
  if (other !== undefined) throw unifiedBits(first.value.name, other.value.name);
  const { traceShape } = first.value;
  const { node } = first.places[0] as Place;
  const spec: QuantizerSpec = {
    ...scheme,
    parameterShape: axes.length === 0 ? [] : traceShape.map((size, axis) => (axes.includes(axis) ? size : 1)),
    range: rangeSpec(config, group, node),
  };
  return {
    algorithm: ALGORITHM_NAME,
    operator: uniqueName(first, names),
    target: unit.every(({ value }) => value.kind === 'variable') ? 'weight' : 'activation',
    transform: 'discretize',
    points: unit.flatMap(({ places }) => places.map(toPoint)),
    values: unit.map(({ value }) => value.name),
    description: `${describeScheme(scheme)}${unit.length > 1 ? ' unified' : ''}`,
    spec: specToJson(spec),
  };
}

function toPoint({ node, port, side }: Place): InsertionPoint {
  return { node: node.name, port, ...(side === undefined ? {} : { side }) };
}

/** `quantization/<value>`; where readers of one value want different quantizers, the reader is added. */
function uniqueName({ value, places }: Placement, names: Set<string>): string {
  const plain = `${ALGORITHM_NAME}/${value.name}`;
  const reader = places[0];
  const name = names.has(plain) ? `${plain}@${reader?.node.name ?? ''}[${reader?.port ?? 0}]` : plain;
  names.add(name);
  return name;
}

/** In execution order; a result comes after what its node reads. */
function byFirstRead(a: Placement, b: Placement): number {
  const [x, y] = [a.places[0] as Place, b.places[0] as Place];
  const isResult = (place: Place): number => Number(place.side === 'result');
  return x.node.id - y.node.id || isResult(x) - isResult(y) || x.port - y.port;
}

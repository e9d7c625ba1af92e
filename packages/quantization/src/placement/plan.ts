import type { GraphNode, ModelGraph, Operand, PlanCommand, PlanContext } from '@nncf/core';
import type { QuantizationConfig } from '../config.ts';
import { collectDemands, type Demand, type Demands, type Refusal } from './demands.ts';
import { toCommands } from './commands.ts';
import { devicePreset, type DevicePreset } from './devices.ts';
import { configUnsupported, outputsOpen } from './errors.ts';
import { viewGraph, type GraphView } from './graph-view.ts';
import { createGroups, type Groups } from './groups.ts';
import { assignManualBits } from './manual-bits.ts';
import { propagate, type Placement } from './propagate.ts';
import { activationScheme, weightScheme } from './schemes.ts';
import { requireKnownScopes } from './scopes.ts';

/** Where quantizers stand, and where they do not. */
export interface QuantizationPlan {
  readonly commands: readonly PlanCommand[];
  readonly refusals: readonly Refusal[];
  /** Operands whose quantizer has no place, since nothing can be inserted at their node. */
  readonly uninsertable: readonly Operand[];
}

/**
 * Decides which tensors of a model are quantized and how (arXiv 2002.08679, section 3.1, and the propagation of later releases of NNCF).
 *
 * @throws NncfError `SCOPE_UNMATCHED`, `CONFIG_UNSUPPORTED`, `UNIFIED_SCHEMES_DIFFER`
 */
export function planQuantizers(graph: ModelGraph, context: PlanContext<QuantizationConfig>): QuantizationPlan {
  const { config, pointer, earlier } = context;
  requireSupported(config, pointer);
  requireKnownScopes(config, graph, pointer);
  const device = devicePreset(context.targetDevice);
  const view = viewGraph(graph, device);
  const groups = createGroups();
  const demands = collectDemands({ view, config, device, groups, earlier });
  const { placements, openOutputs } = propagate({ view, demands, groups, outputDemand: outputDemand(config, groups) });
  if (openOutputs.length > 0)
    throw outputsOpen(
      openOutputs.map(({ name }) => name),
      pointer,
    );
  const wanted = placements.filter(({ value }) => value.kind !== 'input' || config.quantize_inputs !== false);
  const typed = wanted.map((placement) => lookedUpWeights(placement, config, device));
  const { insertable, uninsertable } = keepInsertable(view, assignManualBits(graph, config, typed, pointer));
  const commands = toCommands(insertable, config, groups);
  warnAbout({ context, device, demands, commands, uninsertable, insertable });
  return { commands, refusals: demands.refusals, uninsertable };
}

function requireSupported({ initializer, params }: QuantizationConfig, pointer: string): void {
  const type = initializer?.precision?.type ?? 'manual';
  if (type !== 'manual') {
    const what = `the choice of bit widths by "${type}" is not available.`;
    throw configUnsupported(`${pointer}/initializer/precision/type`, what, 'Use "manual" with "bitwidth_per_scope".');
  }
  if ((params?.batch_multiplier ?? 1) > 1) {
    throw configUnsupported(`${pointer}/params/batch_multiplier`, 'gradients are not summed over batches here.', 'Use a larger batch.');
  }
}

function outputDemand(config: QuantizationConfig, groups: Groups): (() => Demand) | undefined {
  if (config.quantize_outputs !== true) return undefined;
  const unscoped = { ...config, scope_overrides: {} };
  const scheme = { ...activationScheme(unscoped, { name: '', scope: '' } as GraphNode), perChannel: false };
  return () => ({ scheme, axes: [], group: 'activations', unify: groups.create() });
}

/** What is looked up in a table of weights is quantized in the table, and as weights are. */
function lookedUpWeights(placement: Placement, config: QuantizationConfig, device: DevicePreset): Placement {
  const { value, operands, demand } = placement;
  const reader = operands[0]?.node;
  if (value.kind !== 'variable' || demand.group === 'weights' || reader === undefined) return placement;
  const scheme = { ...weightScheme(config, device, reader, false), perChannel: false };
  return { ...placement, demand: { ...demand, scheme, axes: [], group: 'weights' } };
}

function keepInsertable(
  view: GraphView,
  placements: readonly Placement[],
): { insertable: readonly Placement[]; uninsertable: readonly Operand[] } {
  const canInsert = ({ node }: Operand): boolean => node.insertable && view.info(node).otherInTraining !== true;
  const insertable = placements.map((placement) => ({ ...placement, operands: placement.operands.filter(canInsert) }));
  return {
    insertable: insertable.filter(({ operands }) => operands.length > 0),
    uninsertable: placements.flatMap(({ operands }) => operands.filter((operand) => !canInsert(operand))),
  };
}

interface Findings {
  readonly context: PlanContext<QuantizationConfig>;
  readonly device: DevicePreset;
  readonly demands: Demands;
  readonly commands: readonly PlanCommand[];
  readonly insertable: readonly Placement[];
  readonly uninsertable: readonly Operand[];
}

function warnAbout({ context, device, demands, commands, insertable, uninsertable }: Findings): void {
  const { warn, pointer, config } = context;
  for (const index of demands.patterns.unmatched) {
    const pattern = (config.quantizable_subgraph_patterns?.[index] ?? []).join(' → ');
    warn(
      `${pointer}/quantizable_subgraph_patterns/${index}: no chain ${pattern} in the model, where each operation is the only reader of the one before.`,
    );
  }
  const hidden = uninsertable.filter(({ node }) => !node.insertable).map(({ node }) => node.name);
  if (hidden.length > 0) {
    warn(
      `Nothing can be inserted at ${[...new Set(hidden)].join(', ')}: what these operations read stays in floating point. Put them into a layer or a scope.`,
    );
  }
  const odd = insertable.filter(({ demand }) => !supportsBits(device, demand));
  for (const { value, demand } of odd) {
    warn(
      `${value.name} has ${demand.scheme.bits} bits, for which ${device.name} has no integer version. Choose another width or "target_device": "ANY".`,
    );
  }
  if (commands.length === 0) warn(`${pointer}: no operation of the model is quantized.`);
}

function supportsBits(device: DevicePreset, { group, scheme }: Demand): boolean {
  const widths = group === 'weights' ? device.weightBits : device.activationBits;
  return widths === undefined || widths.includes(scheme.bits);
}

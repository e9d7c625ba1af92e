import type { GraphNode, ModelGraph, PlanCommand, PlanContext } from '@nncf/core';
import type { QuantizationConfig } from '../config.ts';
import type { Demand } from './demand.ts';
import { collectDemands, type Refusal } from './demands.ts';
import { toCommands } from './commands.ts';
import { devicePreset, type DevicePreset } from './devices.ts';
import { configUnsupported, outputsClosed } from './errors.ts';
import { viewGraph } from './graph-view.ts';
import { createGroups, type Groups } from './groups.ts';
import { keepInsertable } from './insertable.ts';
import { checkPrecision } from '../precision/options.ts';
import { assignManualBits } from './manual-bits.ts';
import { propagate, type Place, type Placement, type PropagationContext } from './propagate.ts';
import { activationScheme, weightScheme } from './schemes.ts';
import { requireKnownAddresses } from './scopes.ts';
import { agreeOnBits, withoutRepeated } from './unified-bits.ts';
import { warnAbout } from './warnings.ts';

/** Where quantizers stand, and where they do not. */
export interface QuantizationPlan {
  readonly commands: readonly PlanCommand[];
  readonly refusals: readonly Refusal[];
  /** Operands whose quantizer has no place, since nothing can be inserted at their node. */
  readonly uninsertable: readonly Place[];
}

/**
 * Decides which tensors of a model are quantized and how (arXiv 2002.08679, section 3.1, and the propagation of later releases of NNCF).
 *
 * @throws NncfError `SCOPE_UNMATCHED`, `CONFIG_UNSUPPORTED`, `UNIFIED_SCHEMES_DIFFER`
 */
export function planQuantizers(graph: ModelGraph, context: PlanContext<QuantizationConfig>): QuantizationPlan {
  const { config, pointer, earlier } = context;
  const device = devicePreset(context.targetDevice);
  requireSupported(config, pointer);
  checkPrecision(config, device, pointer, context.warn);
  requireKnownAddresses(config, graph, pointer);
  const view = viewGraph(graph, device);
  const groups = createGroups();
  const demands = collectDemands({ view, config, device, groups, earlier });
  const rule = config.quantizer_propagation_rule ?? 'MERGE_ALL_IN_ONE';
  const wanted = placementsFor({ view, demands, groups, rule, outputDemand: outputDemand(config, groups) }, context, device);
  const { insertable, uninsertable } = keepInsertable(view, wanted);
  const closed = uninsertable.filter(({ side }) => side === 'result');
  if (closed.length > 0)
    throw outputsClosed(
      closed.map(({ node }) => node.name),
      pointer,
    );
  const commands = toCommands(insertable, config, groups);
  warnAbout({ view, context, device, demands, commands, uninsertable, insertable });
  return { commands, refusals: demands.refusals, uninsertable };
}

/** Propagated placements as the configuration wants them in detail. */
function placementsFor(
  work: PropagationContext,
  { config, pointer }: PlanContext<QuantizationConfig>,
  device: DevicePreset,
): readonly Placement[] {
  const { view, groups } = work;
  const wanted = propagate(work).filter(({ value }) => value.kind !== 'input' || config.quantize_inputs !== false);
  const computed = new Set(wanted.filter(({ value }) => value.kind !== 'variable').map(({ demand }) => groups.rootOf(demand.unify)));
  const isTable = ({ demand }: Placement): boolean => !computed.has(groups.rootOf(demand.unify));
  const typed = wanted.map((placement) => (isTable(placement) ? lookedUpWeights(placement, config, device) : placement));
  return withoutRepeated(assignManualBits(view.graph, config, agreeOnBits(typed, groups), pointer), groups);
}

function requireSupported({ params }: QuantizationConfig, pointer: string): void {
  if ((params?.batch_multiplier ?? 1) > 1) {
    throw configUnsupported(`${pointer}/params/batch_multiplier`, 'gradients are not summed over batches here.', 'Use a larger batch.');
  }
}

function outputDemand(config: QuantizationConfig, groups: Groups): (() => Demand) | undefined {
  if (config.quantize_outputs !== true) return undefined;
  const unscoped = { ...config, scope_overrides: {} };
  const scheme = { ...activationScheme(unscoped, { name: '', scope: '' } as GraphNode), perChannel: false };
  const wish = { scheme, bits: [scheme.bits], supported: undefined, axes: [], group: 'activations', isUnified: false } as const;
  return () => ({ ...wish, unify: groups.create() });
}

/** What is looked up in a table of weights is quantized in the table, and as weights are. */
function lookedUpWeights(placement: Placement, config: QuantizationConfig, device: DevicePreset): Placement {
  const { value, places, demand } = placement;
  const reader = places[0]?.node;
  if (value.kind !== 'variable' || demand.group === 'weights' || reader === undefined) return placement;
  const scheme = { ...weightScheme(config, device, reader, false), perChannel: false };
  return { ...placement, demand: { ...demand, scheme, bits: [scheme.bits], axes: [], group: 'weights' } };
}

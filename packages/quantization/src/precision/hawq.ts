import type { InitializeContext, PlanCommand } from '@nncf/core';
import type * as tf from '@tensorflow/tfjs-core';
import type { QuantizationConfig } from '../config.ts';
import type { WeightQuantizer } from '../initialize.ts';
import { widthsOn } from '../placement/devices.ts';
import { operandsOf, type GraphView } from '../placement/graph-view.ts';
import { overridesFor } from '../placement/schemes.ts';
import type { FakeQuantizer } from '../quantizers/fake-quantizer.ts';
import { adjacentQuantizers, weightedOperations, type QuantizerLookup } from './adjacency.ts';
import { chooseAssignment, type WeightChoice } from './assignment.ts';
import { activationWidths, bitOperationsRatio, isUniform, modelSizeRatio, type AllowedWidths, type Widths } from './budget.ts';
import { lossMissing, traceNotFinite } from './errors.ts';
import { hessianTraces } from './hessian-trace.ts';
import { meanGradients } from './mean-gradients.ts';
import type { HawqOptions } from './options.ts';
import { perturbationsOf } from './perturbation.ts';
import { readTraces, writePrecisionData } from './precision-file.ts';

/** What bit widths are chosen for. */
export interface HawqTargets {
  readonly options: HawqOptions;
  readonly config: QuantizationConfig;
  readonly view: GraphView;
  readonly commands: readonly PlanCommand[];
  readonly quantizers: ReadonlyMap<string, FakeQuantizer>;
  readonly weights: readonly WeightQuantizer[];
  readonly lookup: QuantizerLookup;
}

/**
 * Chooses a bit width for every quantizer by the curvature of the task's loss and sets it (HAWQ-v2, arXiv 1911.03852): mean Hessian trace of every
 * weight, times what rounding changes in it, summed over the model and made smallest within the budget. Activations follow the weights that they
 * meet. Quantizers whose width stands in `scope_overrides` keep it. Ranges are found afterwards, for the widths that were chosen.
 *
 * @throws NncfError `LOSS_MISSING`, `CALIBRATION_EMPTY`, `TRACE_NOT_FINITE`, `TRACES_INVALID`, `BUDGET_UNREACHABLE`; no width has changed then
 */
export async function chooseBitWidths(targets: HawqTargets, context: InitializeContext): Promise<void> {
  const { options, quantizers, weights } = targets;
  if (weights.length === 0) return;
  const traces = await meanTraces(targets, context);
  const allowed = allowedWidths(targets);
  const choices = weights.map((weight, i): WeightChoice => ({
    trace: traces[i] ?? 0,
    perturbations: perturbationsOf(weight, allowed(weight.quantizer)),
  }));
  const { widthsOf, ratioOf, isAllowed } = assignmentRules(targets, allowed);
  const chosen = chooseAssignment({ weights: choices, ratioOf, isAllowed, compressionRatio: options.compressionRatio });
  const widths = widthsOf(chosen.bits);
  if (options.dumpFile !== undefined) {
    await writePrecisionData(options.dumpFile, { ...targets, choices, chosen, widths });
  }
  for (const quantizer of quantizers.values()) quantizer.setBits(widths.get(quantizer) ?? quantizer.spec.bits);
}

/** Mean of the diagonal of each weight's block of the Hessian, from a file or from batches. */
async function meanTraces({ options, quantizers, weights }: HawqTargets, context: InitializeContext): Promise<readonly number[]> {
  const names = weights.map(({ quantizer }) => quantizer.name);
  if (options.tracesFile !== undefined) return readTraces(options.tracesFile, names);
  if (context.labelledBatches === undefined) throw lossMissing();
  const batches = await context.labelledBatches(options.dataPoints);
  try {
    const sizes = weights.map(({ variables }) => variables.reduce((sum, { size }) => sum + size, 0));
    const sums = withoutRounding([...quantizers.values()], () => traceSums(options, weights, meanGradients(batches), context));
    return sums.map((sum, i) => finite(sum / (sizes[i] ?? 1), names[i] ?? ''));
  } finally {
    for (const batch of batches) batch.dispose();
  }
}

/** Trace of each quantizer's weights; several variables behind one quantizer count together. */
function traceSums(
  { iterations, tolerance }: HawqOptions,
  weights: readonly WeightQuantizer[],
  gradientsOf: (weights: readonly tf.Variable[]) => readonly tf.Tensor[],
  context: InitializeContext,
): readonly number[] {
  const variables = weights.flatMap((weight) => weight.variables);
  const onIteration = (done: number): void => context.progress('traces', done, iterations);
  const traces = hessianTraces(variables, gradientsOf, { iterations, tolerance, onIteration });
  const byVariable = new Map(variables.map((variable, i) => [variable, traces[i] ?? 0]));
  return weights.map((weight) => weight.variables.reduce((sum, variable) => sum + (byVariable.get(variable) ?? 0), 0));
}

/** Runs a function while no quantizer rounds: the curvature is that of the model as it was trained. */
function withoutRounding<T>(quantizers: readonly FakeQuantizer[], run: () => T): T {
  const enabled = quantizers.map((quantizer) => quantizer.enabled);
  for (const quantizer of quantizers) quantizer.enabled = false;
  try {
    return run();
  } finally {
    quantizers.forEach((quantizer, i) => (quantizer.enabled = enabled[i] ?? true));
  }
}

function finite(trace: number, weight: string): number {
  if (!Number.isFinite(trace)) throw traceNotFinite(weight, trace);
  return trace;
}

/** The width of the plan where `scope_overrides` has one for a reader, else those to choose from that the device has for all readers. */
function allowedWidths({ options, config, view, lookup }: HawqTargets): AllowedWidths {
  const fixed = new Set<FakeQuantizer>();
  const widths = new Map<FakeQuantizer, readonly number[]>();
  for (const { node, port } of view.graph.nodes.flatMap(operandsOf)) {
    const quantizer = lookup(node, port);
    if (quantizer === undefined) continue;
    const group = quantizer.isWeight ? 'weights' : 'activations';
    if (overridesFor(config, group, node).some(({ bits }) => bits !== undefined)) fixed.add(quantizer);
    const supported = view.info(node).trait === 'quantizable' ? widthsOn(options.device, node.op, group) : undefined;
    const before = widths.get(quantizer) ?? options.widths;
    widths.set(
      quantizer,
      before.filter((width) => supported?.includes(width) ?? true),
    );
  }
  return (quantizer) => {
    const possible = widths.get(quantizer) ?? options.widths;
    return fixed.has(quantizer) || possible.length === 0 ? [quantizer.spec.bits] : possible;
  };
}

/** What an assignment of widths to weights means for the whole model. */
interface AssignmentRules {
  readonly widthsOf: (bits: readonly number[]) => Widths;
  readonly ratioOf: (bits: readonly number[]) => number;
  readonly isAllowed: (bits: readonly number[]) => boolean;
}

function assignmentRules({ options, view, weights, lookup }: HawqTargets, allowed: AllowedWidths): AssignmentRules {
  const operations = weightedOperations(view, lookup);
  const groups = adjacentQuantizers(view, lookup);
  const elements = new Map(weights.map(({ quantizer, variables }) => [quantizer, variables.reduce((sum, { size }) => sum + size, 0)]));
  const widthsOf = (bits: readonly number[]): Widths =>
    activationWidths(groups, new Map(weights.map(({ quantizer }, i) => [quantizer, bits[i] ?? 0])), allowed);
  return {
    widthsOf,
    ratioOf: (bits) =>
      options.budget === 'model_size' ? modelSizeRatio(elements, widthsOf(bits)) : bitOperationsRatio(operations, widthsOf(bits)),
    isAllowed: (bits) => options.mode === 'liberal' || isUniform(groups, widthsOf(bits)),
  };
}

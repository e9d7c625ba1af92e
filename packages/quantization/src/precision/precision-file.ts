import { producerOf, readFileBytes, valueOf, writeFileAtomic, type GraphNode, type PlanCommand } from '@nncf/core';
import { z } from 'zod';
import type { WeightQuantizer } from '../initialize.ts';
import type { GraphView } from '../placement/graph-view.ts';
import type { FakeQuantizer } from '../quantizers/fake-quantizer.ts';
import type { Assignment, WeightChoice } from './assignment.ts';
import type { Widths } from './budget.ts';
import { tracesInvalid } from './errors.ts';
import type { HawqOptions } from './options.ts';

/** What is written of a choice. */
export interface PrecisionData {
  readonly options: HawqOptions;
  readonly view: GraphView;
  readonly commands: readonly PlanCommand[];
  readonly quantizers: ReadonlyMap<string, FakeQuantizer>;
  readonly weights: readonly WeightQuantizer[];
  /** In the order of the weights. */
  readonly choices: readonly WeightChoice[];
  readonly chosen: Assignment;
  readonly widths: Widths;
}

const tracesSchema = z.object({ traces: z.record(z.string(), z.number()) });

/**
 * Writes traces, rounding errors and the assignment as JSON: `traces` can be read again by `traces_per_layer_path`, `bitwidth_per_scope` is what `manual`
 * takes.
 *
 * @throws NncfError `FILE_UNWRITABLE`
 */
export async function writePrecisionData(file: string, data: PrecisionData): Promise<void> {
  const { options, weights, choices, chosen } = data;
  const byName = <Value>(valueOfChoice: (choice: WeightChoice) => Value): Record<string, Value> =>
    Object.fromEntries(weights.map(({ quantizer }, i) => [quantizer.name, valueOfChoice(choices[i]!)]));
  const contents = {
    budget: options.budget,
    compression_ratio: { wanted: options.compressionRatio, reached: chosen.ratio },
    perturbation: chosen.perturbation,
    traces: byName(({ trace }) => trace),
    rounding_errors: byName(({ perturbations }) => Object.fromEntries(perturbations)),
    bitwidth_per_scope: bitwidthPerScope(data),
  };
  await writeFileAtomic(file, `${JSON.stringify(contents, undefined, 2)}\n`);
}

/** Pairs of width and address, as `"type": "manual"` reads them. */
function bitwidthPerScope({ view, commands, quantizers, widths }: PrecisionData): readonly (readonly [number, string])[] {
  return commands.flatMap((command) => {
    const quantizer = quantizers.get(command.operator);
    return quantizer === undefined ? [] : [[widths.get(quantizer) ?? quantizer.spec.bits, addressOf(view, command)] as const];
  });
}

function addressOf({ graph }: GraphView, { target, points }: PlanCommand): string {
  const [{ node: name, port, side } = { node: '', port: 0 }] = points;
  if (target === 'weight') return `${name}|WEIGHT`;
  if (side === 'result') return `${name}|OUTPUT`;
  const reader: GraphNode | undefined = graph.nodes.find((node) => node.name === name);
  const producer = reader && producerOf(graph, valueOf(graph, reader.inputs[port] ?? -1));
  return producer === undefined ? `${name}|INPUT` : `${producer.name}|OUTPUT`;
}

/**
 * Reads the traces of weights, in their order.
 *
 * @throws NncfError `FILE_UNREADABLE`, `TRACES_INVALID` that name the file
 */
export async function readTraces(file: string, names: readonly string[]): Promise<readonly number[]> {
  const bytes = await readFileBytes(file);
  const traces = parsed(file, new TextDecoder().decode(bytes));
  return names.map((name) => {
    const trace = traces[name];
    if (trace === undefined) throw tracesInvalid(file, `has no trace of ${name}`);
    return trace;
  });
}

function parsed(file: string, text: string): Readonly<Record<string, number>> {
  try {
    return tracesSchema.parse(JSON.parse(text)).traces;
  } catch {
    throw tracesInvalid(file, 'is no JSON of the form { "traces": { "conv1/kernel": 0.5 } }');
  }
}

import type {
  AlgorithmState,
  AlgorithmStatistics,
  CompressionAlgorithm,
  CompressionParameter,
  CompressionScheduler,
  CompressionStage,
  CreateContext,
  InitializeContext,
} from '@nncf/core';
import type * as tf from '@tensorflow/tfjs-core';
import { adaptBatchNorm } from './batch-norm-adaptation.ts';
import type { QuantizationConfig } from './config.ts';
import { estimateWeights, initializeRanges, type RangeTargets, type WeightQuantizer } from './initialize.ts';
import { ALGORITHM_NAME } from './placement/commands.ts';
import { devicePreset } from './placement/devices.ts';
import { viewGraph } from './placement/graph-view.ts';
import { planQuantizers } from './placement/plan.ts';
import type { QuantizerGroup } from './placement/schemes.ts';
import { chooseBitWidths } from './precision/hawq.ts';
import { hawqOptions, type HawqOptions } from './precision/options.ts';
import { createQuantizer } from './quantizers/create-quantizer.ts';
import type { FakeQuantizer } from './quantizers/fake-quantizer.ts';
import { stagedSchedule, unstagedSchedule, type QuantizationSchedule } from './staged.ts';
import { restoreState, STATE_VERSION, takeState, variablesByName } from './state.ts';
import { quantizationStatistics, quantizerLookup, type StatisticsSource } from './statistics.ts';

/** Quantization at work in one model. */
export class QuantizationController implements CompressionAlgorithm {
  readonly name: string = ALGORITHM_NAME;
  readonly stateVersion: number = STATE_VERSION;
  readonly operators: ReadonlyMap<string, FakeQuantizer>;
  readonly #context: CreateContext<QuantizationConfig>;
  readonly #schedule: QuantizationSchedule;
  readonly #hawq: HawqOptions | undefined;
  #statistics: StatisticsSource | undefined;
  /** Takes the place of what {@link initialize} does, while it is set. */
  initialization: ((context: InitializeContext) => Promise<void>) | undefined;

  constructor(context: CreateContext<QuantizationConfig>) {
    this.#context = context;
    const { config, commands } = context;
    this.#hawq = hawqOptions(config, devicePreset(context.targetDevice));
    this.operators = new Map(commands.map((command) => [command.operator, createQuantizer(command, config)]));
    this.#schedule =
      config.params === undefined
        ? unstagedSchedule
        : stagedSchedule(config.params, (active, begun, restored) => this.switchTo(active, restored ? [] : begun));
    this.switchTo(this.#schedule.active(), []);
  }

  get parameters(): readonly CompressionParameter[] {
    return [...variablesByName(this.quantizers)].map(([name, variable]) => ({ name, variable, group: 'quantizers' }));
  }

  /** Without data scales start from 1: a guess, unless the configuration asks for no samples. */
  get needsInitialization(): boolean {
    return this.quantizers.some(({ spec }) => (spec.range.batches ?? spec.range.samples) > 0);
  }

  get scheduler(): CompressionScheduler {
    return this.#schedule.scheduler;
  }

  /** Bit widths if the configuration lets them be chosen, ranges, then batch normalization if it asks for it. */
  async initialize(context: InitializeContext): Promise<void> {
    if (this.initialization !== undefined) return this.initialization(context);
    await this.choosePrecision(context);
    const batchSize = await initializeRanges(this.rangeTargets, context);
    const options = this.#context.config.initializer?.batchnorm_adaptation;
    if (options === undefined) return;
    const { graph, variables, warn } = this.#context;
    await adaptBatchNorm({ options, graph, variables, context, batchSize, warn });
  }

  stage(): CompressionStage {
    return this.#schedule.stage();
  }

  statistics(): AlgorithmStatistics {
    return quantizationStatistics(this.source);
  }

  state(): AlgorithmState {
    return takeState(this.quantizers);
  }

  loadState(state: AlgorithmState): void {
    restoreState(this.quantizers, state, this.#hawq?.widths);
  }

  dispose(): void {
    for (const quantizer of this.quantizers) quantizer.dispose();
  }

  /** All quantizers, those of weights with their weights. */
  get rangeTargets(): RangeTargets {
    return { weights: this.weights, activations: this.quantizers.filter(({ isWeight }) => !isWeight) };
  }

  /** The model's variables by name. */
  get variables(): ReadonlyMap<string, tf.Variable> {
    return this.#context.variables;
  }

  private get quantizers(): readonly FakeQuantizer[] {
    return [...this.operators.values()];
  }

  private get weights(): readonly WeightQuantizer[] {
    const { commands, variables } = this.#context;
    return commands.flatMap(({ operator, target, values }) => {
      const quantizer = this.operators.get(operator);
      const found = values.map((value) => variables.get(value)).filter((variable): variable is tf.Variable => variable !== undefined);
      return target === 'weight' && quantizer !== undefined ? [{ quantizer, variables: found }] : [];
    });
  }

  private async choosePrecision(context: InitializeContext): Promise<void> {
    if (this.#hawq === undefined) return;
    const { config, commands } = this.#context;
    const source = this.source;
    const targets = { options: this.#hawq, config, commands, quantizers: this.operators, weights: this.weights };
    await chooseBitWidths({ ...targets, view: source.view, lookup: quantizerLookup(source) }, context);
  }

  /** What stands where. */
  get source(): StatisticsSource {
    return (this.#statistics ??= this.statisticsSource());
  }

  private switchTo(active: readonly QuantizerGroup[], begun: readonly QuantizerGroup[]): void {
    for (const quantizer of this.quantizers) quantizer.enabled = active.includes(quantizer.isWeight ? 'weights' : 'activations');
    // Weights have moved since the ranges were found, as floating-point training let them.
    if (begun.includes('weights')) estimateWeights(this.weights);
  }

  private statisticsSource(): StatisticsSource {
    const { graph, commands, targetDevice } = this.#context;
    const plan = planQuantizers(graph, { ...this.#context, warn: () => undefined });
    return { view: viewGraph(graph, devicePreset(targetDevice)), plan, commands, quantizers: this.operators };
  }
}

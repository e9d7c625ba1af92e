import type {
  AlgorithmState,
  AlgorithmStatistics,
  CompressionAlgorithm,
  CompressionParameter,
  CompressionStage,
  CreateContext,
  InitializeContext,
  PlanCommand,
} from '@nncf/core';
import type { BinarizationConfig, BinarizationMode } from './config.ts';
import { ActivationBinarizer } from './operators/activation-binarizer.ts';
import { linkBinarizers } from './operators/link.ts';
import { WeightBinarizer, type BinarizerOptions } from './operators/weight-binarizer.ts';
import { ALGORITHM_NAME, planBinarization } from './placement/plan.ts';
import { BinarizationSchedule, type BinarizationPart } from './schedule.ts';
import { restoreState, STATE_VERSION, takeState, variablesByName } from './state.ts';
import { binarizationStatistics } from './statistics.ts';

/** Binarization at work in one model. */
export class BinarizationController implements CompressionAlgorithm {
  readonly name: string = ALGORITHM_NAME;
  readonly stateVersion: number = STATE_VERSION;
  readonly operators: ReadonlyMap<string, ActivationBinarizer | WeightBinarizer>;
  readonly scheduler: BinarizationSchedule;
  readonly #context: CreateContext<BinarizationConfig>;
  readonly #mode: BinarizationMode;

  constructor(context: CreateContext<BinarizationConfig>) {
    const { config, commands } = context;
    this.#context = context;
    this.#mode = config.mode ?? 'xnor';
    this.operators = new Map(commands.map((command) => [command.operator, createBinarizer(command, config)]));
    linkBinarizers(commands, this.operators);
    this.scheduler = new BinarizationSchedule(config.params ?? {}, (active) => this.#switchTo(active));
    this.#switchTo(this.scheduler.active);
  }

  /** Scales and thresholds; weights have no parameters of their own. */
  get parameters(): readonly CompressionParameter[] {
    return [...variablesByName(this.#activations)].map(([name, variable]) => ({ name, variable }));
  }

  /** Where activations are binary from the start and there is data, one batch gives them their scales; else the first training batch will. */
  async initialize(context: InitializeContext): Promise<void> {
    if (!context.hasData || this.#activations.length === 0 || !this.scheduler.active.includes('activations')) return;
    try {
      for (const binarizer of this.#activations) binarizer.eager = true;
      await context.run({ maxBatches: 1 });
    } finally {
      for (const binarizer of this.#activations) binarizer.eager = false;
    }
  }

  stage(): CompressionStage {
    return this.scheduler.compressionStage();
  }

  statistics(): AlgorithmStatistics {
    const { graph } = this.#context;
    const plan = planBinarization(graph, { ...this.#context, warn: () => undefined });
    return binarizationStatistics({ graph, plan, operators: this.operators, stage: this.scheduler.trainingStage() });
  }

  state(): AlgorithmState {
    return takeState(this.#mode, this.#activations);
  }

  loadState(state: AlgorithmState): void {
    restoreState(this.#mode, this.#activations, state);
  }

  dispose(): void {
    for (const binarizer of this.#activations) binarizer.dispose();
  }

  get #activations(): readonly ActivationBinarizer[] {
    return [...this.operators.values()].filter((operator) => operator instanceof ActivationBinarizer);
  }

  #switchTo(active: readonly BinarizationPart[]): void {
    for (const operator of this.operators.values())
      operator.enable(active.includes(operator instanceof ActivationBinarizer ? 'activations' : 'weights'));
  }
}

function createBinarizer({ operator, target, spec }: PlanCommand, config: BinarizationConfig): ActivationBinarizer | WeightBinarizer {
  const options: BinarizerOptions = config.export_to_onnx_standard_ops === false ? { exportFormat: 'fakequantize' } : {};
  if (target === 'weight') return new WeightBinarizer(config.mode ?? 'xnor', options);
  return new ActivationBinarizer(operator.slice(ALGORITHM_NAME.length + 1), Number(spec['channels']), options);
}

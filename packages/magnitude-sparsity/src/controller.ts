import {
  constantScheduler,
  type AlgorithmState,
  type AlgorithmStatistics,
  type CompressionAlgorithm,
  type CompressionScheduler,
  type CompressionStage,
  type CreateContext,
  type TensorOperator,
} from '@nncf/core';
import { SparsityScheduler, type SparsityTarget } from '@nncf/schedulers';
import {
  checkNumber,
  layerSparsity,
  layerTable,
  loadMasks,
  maskedWeights,
  MaskOperator,
  modelSparsity,
  saveMasks,
  sparsityOf,
  type LayerSparsity,
  type MaskedWeight,
} from '@nncf/sparsity';
import { tensor, tidy } from '@tensorflow/tfjs-core';
import type { MagnitudeSparsityConfig } from './config.ts';
import { levelMasks } from './level-masks.ts';
import { patternMask } from './pattern-masks.ts';
import type { MagnitudeSettings } from './settings.ts';

/** What else there is to know of the masks. */
interface MaskFigures {
  readonly level: number;
  readonly frozen: boolean;
  /** By the weight's name; −Infinity where nothing is pruned. */
  readonly thresholds: ReadonlyMap<string, number>;
  /** Weights pruned only because they are equal to the threshold. */
  readonly ties: number;
}

/** Magnitude sparsity at work in one model. */
export class MagnitudeSparsity implements CompressionAlgorithm, SparsityTarget {
  readonly name = 'magnitude_sparsity';
  readonly stateVersion = 1;
  readonly operators: ReadonlyMap<string, TensorOperator>;
  readonly parameters: readonly [] = [];
  readonly scheduler: CompressionScheduler;
  readonly #settings: MagnitudeSettings;
  readonly #context: CreateContext<MagnitudeSparsityConfig>;
  readonly #weights: readonly MaskedWeight[];
  readonly #masks: ReadonlyMap<string, MaskOperator>;
  readonly #levels: SparsityScheduler;
  #figures: MaskFigures = { level: 0, frozen: false, thresholds: new Map(), ties: 0 };
  #restored = false;

  constructor(settings: MagnitudeSettings, context: CreateContext<MagnitudeSparsityConfig>) {
    this.#settings = settings;
    this.#context = context;
    this.#weights = maskedWeights(context.commands, context.variables);
    this.#masks = new Map(this.#weights.map(({ name, variable }) => [name, new MaskOperator(variable.shape)]));
    this.operators = new Map(this.#weights.map(({ command, name }) => [command.operator, this.#masks.get(name) as MaskOperator]));
    this.#levels = new SparsityScheduler(settings.schedule, this);
    this.scheduler = settings.pattern === undefined ? this.#levels : constantScheduler;
    if (settings.pattern === undefined) this.#levels.start();
    else this.#followPattern();
  }

  /** Sets thresholds and masks from the dense weights as they are now. */
  setLevel(level: number): void {
    if (this.#figures.frozen) return;
    const { importance, mode } = this.#settings;
    const { masks, ties } = levelMasks(
      this.#weights.map(({ variable }) => variable),
      level,
      importance,
      mode,
    );
    tidy(() =>
      this.#weights.forEach(({ name, variable }, i) => this.#masks.get(name)?.set(tensor(masks[i]?.mask as Float32Array, variable.shape))),
    );
    const thresholds = new Map(this.#weights.map(({ name }, i) => [name, masks[i]?.threshold as number]));
    this.#figures = { level, frozen: false, thresholds, ties };
  }

  freeze(): void {
    this.#figures = { ...this.#figures, frozen: true };
  }

  reachedSparsity(): number {
    return sparsityOf(this.#layers());
  }

  /** Masks of the weights as they are now: they may have been loaded since the masks were made. */
  async initialize(): Promise<void> {
    if (this.#restored) return;
    if (this.#settings.pattern !== undefined) this.#followPattern();
    else this.setLevel(this.#levels.level);
  }

  stage(): CompressionStage {
    return this.#settings.pattern === undefined ? this.#levels.stage() : 'FULLY_COMPRESSED';
  }

  statistics(): AlgorithmStatistics {
    const layers = this.#layers();
    const { level, thresholds, ties } = this.#figures;
    const threshold = (layer: LayerSparsity): number | string => {
      const found = thresholds.get(layer.name) ?? -Infinity;
      return found === -Infinity ? '-' : found;
    };
    return {
      values: {
        sparsityLevel: sparsityOf(layers),
        modelSparsityLevel: modelSparsity(layers, this.#context.variables),
        level,
        targetLevel: this.#settings.pattern === undefined ? this.#levels.targetLevel : level,
        prunedByTies: ties,
      },
      tables: [layerTable(layers, [{ title: 'Threshold', of: threshold }])],
    };
  }

  state(): AlgorithmState {
    const { thresholds, ...figures } = this.#figures;
    const entries = [...thresholds].map(([name, threshold]) => [name, threshold === -Infinity ? null : threshold] as const);
    return { json: { ...figures, thresholds: Object.fromEntries(entries) }, tensors: saveMasks(this.#masks) };
  }

  loadState({ json, tensors }: AlgorithmState): void {
    const figures = { level: checkNumber(json, 'level'), ties: checkNumber(json, 'ties'), frozen: json['frozen'] === true };
    const saved = json['thresholds'];
    const thresholds = Object.entries(typeof saved === 'object' && saved !== null ? saved : {});
    loadMasks(this.#masks, tensors);
    this.#figures = {
      ...figures,
      thresholds: new Map(thresholds.map(([name, threshold]) => [name, typeof threshold === 'number' ? threshold : -Infinity])),
    };
    this.#restored = true;
  }

  dispose(): void {
    for (const mask of this.#masks.values()) mask.dispose();
  }

  #followPattern(): void {
    const { pattern } = this.#settings;
    if (pattern === undefined) return;
    const { graph, warn } = this.#context;
    tidy(() => this.#weights.forEach((weight) => this.#masks.get(weight.name)?.set(patternMask(weight, graph, pattern, warn))));
    this.#figures = { ...this.#figures, level: 1 - pattern.n / pattern.m };
  }

  #layers(): LayerSparsity[] {
    return this.#weights.map(({ name, variable }) => layerSparsity(name, variable, this.#masks.get(name)));
  }
}

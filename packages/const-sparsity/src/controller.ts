import {
  constantScheduler,
  type AlgorithmState,
  type AlgorithmStatistics,
  type CompressionAlgorithm,
  type CompressionScheduler,
  type CreateContext,
  type TensorData,
  type TensorOperator,
} from '@nncf/core';
import {
  layerSparsity,
  layerTable,
  loadMasks,
  maskedWeights,
  maskName,
  MaskOperator,
  modelSparsity,
  saveMasks,
  sparsityOf,
  type MaskedWeight,
} from '@nncf/sparsity';
import { cast, notEqual, tidy } from '@tensorflow/tfjs-core';
import type { ConstSparsityConfig } from './config.ts';

const LOGITS = 'logits/';

/** Masks that stay as they are. */
export class ConstSparsity implements CompressionAlgorithm {
  readonly name = 'const_sparsity';
  readonly stateVersion = 1;
  /** Their checkpoints hold masks, or logits that masks follow from. */
  readonly readsStatesOf: readonly string[] = ['magnitude_sparsity', 'rb_sparsity'];
  readonly operators: ReadonlyMap<string, TensorOperator>;
  readonly parameters: readonly [] = [];
  readonly scheduler: CompressionScheduler = constantScheduler;
  readonly #context: CreateContext<ConstSparsityConfig>;
  readonly #weights: readonly MaskedWeight[];
  readonly #masks: ReadonlyMap<string, MaskOperator>;
  #restored = false;

  constructor(context: CreateContext<ConstSparsityConfig>) {
    this.#context = context;
    this.#weights = maskedWeights(context.commands, context.variables);
    this.#masks = new Map(this.#weights.map(({ name, variable }) => [name, new MaskOperator(variable.shape)]));
    this.operators = new Map(this.#weights.map(({ command, name }) => [command.operator, this.#masks.get(name) as MaskOperator]));
    this.#maskZeros();
  }

  /** Masks of the weights as they are now: they may have been loaded since. */
  async initialize(): Promise<void> {
    if (!this.#restored) this.#maskZeros();
  }

  stage(): 'FULLY_COMPRESSED' {
    return 'FULLY_COMPRESSED';
  }

  statistics(): AlgorithmStatistics {
    const layers = this.#weights.map(({ name, variable }) => layerSparsity(name, variable, this.#masks.get(name)));
    return {
      values: { sparsityLevel: sparsityOf(layers), modelSparsityLevel: modelSparsity(layers, this.#context.variables) },
      tables: [layerTable(layers)],
    };
  }

  state(): AlgorithmState {
    return { json: {}, tensors: saveMasks(this.#masks) };
  }

  loadState({ tensors }: AlgorithmState): void {
    loadMasks(this.#masks, masksOf(tensors));
    this.#restored = true;
  }

  dispose(): void {
    for (const mask of this.#masks.values()) mask.dispose();
  }

  /** Weights that are zero stay zero. */
  #maskZeros(): void {
    tidy(() => this.#weights.forEach(({ name, variable }) => this.#masks.get(name)?.set(cast(notEqual(variable, 0), 'float32'))));
  }
}

/** The masks of a state: those in it, and where it has only logits, the gates that are open without noise. */
function masksOf(tensors: Readonly<Record<string, TensorData>>): Record<string, TensorData> {
  const logits = Object.entries(tensors).filter(([name]) => name.startsWith(LOGITS));
  const gates = logits.map(([name, saved]) => [maskName(name.slice(LOGITS.length)), openGates(saved)] as const);
  return { ...Object.fromEntries(gates), ...tensors };
}

function openGates({ shape, data }: TensorData): TensorData {
  return { shape, dtype: 'bool', data: Uint8Array.from(data, (logit) => (logit > 0 ? 1 : 0)) };
}

import {
  tensorData,
  type AlgorithmState,
  type AlgorithmStatistics,
  type CompressionAlgorithm,
  type CompressionParameter,
  type CompressionStage,
  type CreateContext,
  type JsonObject,
  type TensorOperator,
} from '@nncf/core';
import { SparsityScheduler, type SparsityTarget } from '@nncf/schedulers';
import {
  checkNumber,
  checkTensor,
  layerSparsity,
  layerTable,
  loadMasks,
  maskedWeights,
  maskName,
  modelSparsity,
  percent,
  saveMasks,
  sparsityOf,
  type LayerSparsity,
  type MaskedWeight,
  type MaskOperator,
} from '@nncf/sparsity';
import { mean, scalar, sigmoid, tensor, tidy, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import type { RbSparsityConfig } from './config.ts';
import { GateOperator, mix, type DrawState } from './gate-operator.ts';
import { rbLocalLoss, rbLoss } from './loss.ts';
import type { RbSettings } from './settings.ts';

/** Regularization-based sparsity at work in one model. */
export class RbSparsity implements CompressionAlgorithm, SparsityTarget {
  readonly name = 'rb_sparsity';
  readonly stateVersion = 1;
  readonly operators: ReadonlyMap<string, TensorOperator>;
  readonly parameters: readonly CompressionParameter[];
  readonly scheduler: SparsityScheduler;
  readonly #settings: RbSettings;
  readonly #context: CreateContext<RbSparsityConfig>;
  readonly #weights: readonly MaskedWeight[];
  readonly #gates: ReadonlyMap<string, GateOperator>;
  #level = 0;
  #frozen = false;

  constructor(settings: RbSettings, context: CreateContext<RbSparsityConfig>) {
    this.#settings = settings;
    this.#context = context;
    this.#weights = maskedWeights(context.commands, context.variables);
    this.#gates = new Map(this.#weights.map(({ name, variable }, i) => [name, new GateOperator(variable.shape, mix(settings.seed, i))]));
    this.operators = new Map(this.#weights.map(({ command, name }) => [command.operator, this.#gates.get(name) as GateOperator]));
    this.parameters = [...this.#gates].map(([name, { logits }]) => ({
      name: logitsName(name),
      variable: logits,
      learningRate: settings.maskLearningRate,
    }));
    this.scheduler = new SparsityScheduler(settings.schedule, this);
    this.scheduler.start();
  }

  setLevel(level: number): void {
    this.#level = level;
  }

  freeze(): void {
    this.#frozen = true;
    for (const gate of this.#gates.values()) gate.freeze();
  }

  /** Sparsity of the gates without noise; zeros that a weight holds anyway do not count. */
  reachedSparsity(): number {
    return sparsityOf([...this.#gates.values()].map((gate) => ({ size: gate.logits.size, zeros: gate.logits.size - gate.openCount() })));
  }

  async initialize(): Promise<void> {}

  /** 0 once the gates are frozen. */
  loss(): Scalar {
    const logits = [...this.#gates.values()].map((gate): Tensor => gate.logits);
    if (this.#frozen || logits.length === 0) return scalar(0);
    if (this.#settings.mode === 'global') return rbLoss(logits, this.#level);
    return rbLocalLoss(
      logits,
      logits.map(() => this.#level),
    );
  }

  stage(): CompressionStage {
    return this.scheduler.stage();
  }

  statistics(): AlgorithmStatistics {
    const layers = this.#weights.map(({ name, variable }) => layerSparsity(name, variable, this.#gates.get(name)));
    const open = new Map([...this.#gates].map(([name, gate]) => [name, meanProbability(gate)]));
    const size = layers.reduce((sum, layer) => sum + layer.size, 0);
    const probability = layers.reduce((sum, layer) => sum + layer.size * (open.get(layer.name) ?? 0), 0) / Math.max(size, 1);
    const column = { title: 'Mean probability of zero', of: (layer: LayerSparsity) => percent(1 - (open.get(layer.name) ?? 0)) };
    return {
      values: {
        sparsityLevel: sparsityOf(layers),
        modelSparsityLevel: modelSparsity(layers, this.#context.variables),
        level: this.#level,
        targetLevel: this.scheduler.targetLevel,
        meanSparseProbability: size === 0 ? 0 : 1 - probability,
      },
      tables: [layerTable(layers, [column])],
    };
  }

  state(): AlgorithmState {
    const draws = [...this.#gates].map(([name, gate]): [string, JsonObject] => [name, { ...gate.drawState }]);
    const logits = [...this.#gates].map(([name, gate]) => [logitsName(name), tensorData(gate.logits)] as const);
    const json = { level: this.#level, frozen: this.#frozen, draws: Object.fromEntries(draws) };
    return { json, tensors: { ...Object.fromEntries(logits), ...(this.#frozen ? saveMasks(this.#settledMasks()) : {}) } };
  }

  loadState({ json, tensors }: AlgorithmState): void {
    const level = checkNumber(json, 'level');
    const loaded = [...this.#gates].map(([name, gate]) => [name, gate, checkTensor(logitsName(name), tensors, gate.logits.shape)] as const);
    this.#restoreFrozen(json['frozen'] === true, tensors);
    tidy(() => {
      for (const [name, gate, { data, shape }] of loaded) {
        gate.logits.assign(tensor(data, [...shape]));
        gate.drawState = readDraws(json, name);
      }
    });
    this.#level = level;
  }

  dispose(): void {
    for (const gate of this.#gates.values()) gate.dispose();
  }

  #restoreFrozen(frozen: boolean, tensors: AlgorithmState['tensors']): void {
    if (frozen) [...this.#gates].forEach(([name, { logits }]) => checkTensor(maskName(name), tensors, logits.shape));
    for (const gate of this.#gates.values()) {
      if (frozen) gate.freeze();
      else gate.thaw();
    }
    if (frozen) loadMasks(this.#settledMasks(), tensors);
    this.#frozen = frozen;
  }

  #settledMasks(): Map<string, MaskOperator> {
    return new Map([...this.#gates].flatMap(([name, { settled }]) => (settled === undefined ? [] : [[name, settled] as const])));
  }
}

/** Name of a weight's logits in a state. */
function logitsName(weight: string): string {
  return `logits/${weight}`;
}

/** Mean probability that a gate of the layer is open. */
function meanProbability({ logits }: GateOperator): number {
  return tidy(() => mean(sigmoid(logits)).dataSync()[0] as number);
}

function readDraws(json: JsonObject, name: string): DrawState {
  const draws = json['draws'] as Readonly<Record<string, DrawState | undefined>> | undefined;
  return draws?.[name] ?? { draws: 0, current: false };
}

import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs-core';
import type { ZodType } from 'zod';
import type { InputInfo } from '../config/nncf-config.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import type { TensorData } from '../graph/tensor-data.ts';
import type { JsonObject } from '../json.ts';
import type { PlanCommand } from '../plan/compression-plan.ts';
import type { TensorOperator } from './operator.ts';
import type { CompressionScheduler } from './scheduler.ts';
import type { CompressionStage } from './stage.ts';
import type { AlgorithmStatistics } from './statistics.ts';

/** What a plan is made from besides the graph. */
export interface PlanContext<Config> {
  /** The algorithm's own section, validated. */
  readonly config: Config;
  /** JSON pointer of that section, for messages: `/compression/0`. */
  readonly pointer: string;
  /** `target_device` of the configuration, `ANY` by default. */
  readonly targetDevice: string;
  readonly inputInfo: readonly InputInfo[];
  /** Epochs that the whole training is to take, `epochs` of the configuration; undefined when it does not say. */
  readonly epochs?: number | undefined;
  /** Commands of algorithms that were planned before, in configuration order. */
  readonly earlier: readonly PlanCommand[];
  /** Says something to the user once: a pattern that matches little, an old key. */
  readonly warn: (message: string) => void;
}

/** What a live algorithm is made from. */
export interface CreateContext<Config> extends PlanContext<Config> {
  readonly graph: ModelGraph;
  /** This algorithm's commands. */
  readonly commands: readonly PlanCommand[];
  /** The model's variables by name. */
  readonly variables: ReadonlyMap<string, Variable>;
}

/** A trained parameter and the wishes that its optimizer should honour. */
export interface CompressionParameter {
  /** Unique within the algorithm, stable between runs: it names the parameter in checkpoints. */
  readonly name: string;
  readonly variable: Variable;
  /** Rate of its own, where the task's would be wrong; honoured by `ModelCompression.optimizer`. */
  readonly learningRate?: number | undefined;
}

/** Looks at what one operation reads while the model runs. */
export interface NodeObserver {
  /** Address of the operation. */
  readonly node: string;
  /** Right before the operation runs. @param operands as all operators leave them; not to be kept without `tf.keep` */
  see(operands: readonly Tensor[]): void;
}

/** A pass over calibration data. */
export interface CalibrationRun {
  readonly maxBatches: number;
  /** Run the model as in training: batch normalization follows the batches. */
  readonly training?: boolean;
  /** How often each batch runs before the next one is read. @default 1 */
  readonly passes?: number;
  /** Before a batch runs; `pass` counts from 0. */
  readonly beforePass?: (pass: number, index: number) => void;
  readonly observers?: readonly NodeObserver[];
  /** What the model answers, freed afterwards. */
  readonly onOutputs?: (outputs: readonly Tensor[], pass: number) => void;
  /** After every batch; `stop` ends the run. @param samples in this batch */
  readonly onBatch?: (index: number, samples: number) => 'stop' | void;
}

/** A batch with its labels, and the task's loss of it. */
export interface LabelledBatch {
  /** Samples in this batch. */
  readonly samples: number;
  /** Runs the model as in prediction and takes the loss of the result: a scalar, on the gradient tape. @throws NncfError `LOSS_INVALID` */
  loss(): Scalar;
  /** Frees the batch. */
  dispose(): void;
}

/** What happens while the model runs over calibration data. */
export interface InitializeContext {
  /**
   * Runs the model over batches.
   * @returns how many batches ran
   * @throws NncfError `CALIBRATION_EMPTY` when there is no data.
   */
  run(options: CalibrationRun): Promise<number>;
  /** True when data was given at all. */
  readonly hasData: boolean;
  /** Samples in one batch; 0 without data. */
  readonly batchSize: number;
  /**
   * Keeps the first whole batches that hold so many samples, or all there are. Only where the caller gave the task's loss.
   * @throws NncfError `CALIBRATION_EMPTY` when there is no data.
   */
  readonly labelledBatches?: ((samples: number) => Promise<readonly LabelledBatch[]>) | undefined;
  /** Progress of the initialization for a bar: what runs, and how far. */
  readonly progress: (stage: string, done: number, total: number) => void;
}

/** State as data: figures, and tensors by name. */
export interface AlgorithmState {
  readonly json: JsonObject;
  readonly tensors: Readonly<Record<string, TensorData>>;
}

/** A compression method at work in one model. */
export interface CompressionAlgorithm {
  readonly name: string;
  /** Version of the layout of {@link AlgorithmState}. */
  readonly stateVersion: number;
  /** Other algorithms whose states this one can read as well. */
  readonly readsStatesOf?: readonly string[] | undefined;
  /** The operators by {@link PlanCommand.operator}. */
  readonly operators: ReadonlyMap<string, TensorOperator>;
  /** Variables that training changes. */
  readonly parameters: readonly CompressionParameter[];
  readonly scheduler: CompressionScheduler;
  /**
   * True where training without {@link CompressionAlgorithm.initialize}, or a state that was loaded, starts from a guess: the
   * user is warned then.
   * @default false
   */
  readonly needsInitialization?: boolean | undefined;
  /** Ranges, thresholds, batch-norm adaptation: whatever must be known before training. */
  initialize(context: InitializeContext): Promise<void>;
  /** The term that joins the task's loss; undefined where there is none. */
  loss?(): Scalar;
  stage(): CompressionStage;
  statistics(): AlgorithmStatistics;
  state(): AlgorithmState;
  /** @throws NncfError `STATE_MISMATCH` when the state is of another model. Changes nothing then. */
  loadState(state: AlgorithmState): void;
  /** Frees the parameters. */
  dispose(): void;
}

/**
 * A compression method as a package publishes it. `schema` and `plan` need no backend.
 *
 * @typeParam Config the algorithm's section of the configuration after parsing, defaults filled in
 */
export interface AlgorithmDefinition<Config = unknown> {
  /** What stands behind `"algorithm"` in a configuration. */
  readonly name: string;
  /** Validates the section without its `algorithm` key. Unknown keys are errors (`z.strictObject`). */
  readonly schema: ZodType<Config>;
  /** Decides what is inserted where. */
  plan(graph: ModelGraph, context: PlanContext<Config>): readonly PlanCommand[];
  /** Makes the operators and their controller. */
  create(context: CreateContext<Config>): CompressionAlgorithm;
}

/** Keeps the type of `Config` while a definition is written down. */
export function defineAlgorithm<Config>(definition: AlgorithmDefinition<Config>): AlgorithmDefinition<Config> {
  return definition;
}

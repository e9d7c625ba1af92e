import type { Optimizer, Scalar, Variable } from '@tensorflow/tfjs-core';
import type { CompositeAlgorithm } from './algorithm/composite.ts';
import type { CompressionAlgorithm, CompressionParameter, NodeObserver } from './algorithm/definition.ts';
import type { CompressionScheduler } from './algorithm/scheduler.ts';
import type { CompressionStage } from './algorithm/stage.ts';
import type { Statistics } from './algorithm/statistics.ts';
import { exportBytes } from './export/export-model.ts';
import type { ModelAdapter } from './graph/model-adapter.ts';
import type { ModelGraph } from './graph/model-graph.ts';
import type { JsonObject } from './json.ts';
import type { CompressionPlan } from './plan/compression-plan.ts';
import { assignVariables, optimizerData, readCheckpoint, restoreOptimizer, variableData, writeCheckpoint } from './state/checkpoint.ts';
import { restoreState, takeState, type CompressionState } from './state/compression-state.ts';
import { writeFileAtomic } from './state/file.ts';
import { calibrationContext, type CalibrationBatch, type CalibrationData, type Progress } from './train/calibration.ts';
import { schedulerCallback, type CompressionCallback } from './train/callback.ts';
import { groupedOptimizer } from './train/grouped-optimizer.ts';
import { prescribedOptimizer } from './train/prescribed-optimizer.ts';
import type { TaskLoss } from './train/labelled-batches.ts';

/** Parts that {@link ModelCompression} is put together from. */
export interface ModelCompressionParts<Model> {
  readonly model: Model;
  readonly adapter: ModelAdapter;
  readonly graph: ModelGraph;
  readonly variables: ReadonlyMap<string, Variable>;
  readonly plan: CompressionPlan;
  readonly composite: CompositeAlgorithm;
  readonly plugins: readonly string[];
  /** Lets observers look on while the model runs, until the returned function is called. */
  readonly observe: (observers: readonly NodeObserver[]) => () => void;
  /** Tells of every part of the model that runs while gradients are recorded. */
  readonly watchSteps: (onStep: () => void) => void;
  /** Hears warnings. */
  readonly warn: (message: string) => void;
  readonly remove: () => void;
}

/** Options of {@link ModelCompression.initialize}. */
export interface InitializeOptions<Batch = CalibrationBatch> {
  /** Hears what runs and how far it is. */
  readonly progress?: Progress;
  /** The task's loss, for methods that look at its curvature: `(output, [, labels]) => tf.losses.softmaxCrossEntropy(labels, output)`. */
  readonly loss?: TaskLoss<Batch>;
}

/** Options of {@link ModelCompression.exportModel}; all others go to the exporter. */
export interface ExportOptions extends JsonObject {
  /** Names the exporter, `onnx` by default. */
  readonly exporter?: string;
}

/** What a checkpoint holds besides the compression. */
export interface CheckpointOptions {
  /** Saved and restored with its slots, so that the run goes on as if never stopped. */
  readonly optimizer?: Optimizer;
  /** The training program's own figures. */
  readonly extra?: JsonObject;
}

/** A model under compression: the object that a training program talks to. */
export class ModelCompression<Model> {
  /** The model itself, with the operators at work in it. */
  readonly model: Model;
  readonly graph: ModelGraph;
  /** What was inserted where. */
  readonly plan: CompressionPlan;
  private readonly parts: ModelCompressionParts<Model>;
  /** Whether the methods know what they start from, or the user knows that they do not. */
  private prepared = false;

  constructor(parts: ModelCompressionParts<Model>) {
    this.model = parts.model;
    this.graph = parts.graph;
    this.plan = parts.plan;
    this.parts = parts;
    parts.watchSteps(() => this.checkPrepared());
  }

  /** The method of this name at work in the model, for code that knows it; undefined when the configuration has it not. */
  algorithm(name: string): CompressionAlgorithm | undefined {
    return this.parts.composite.members.find((member) => member.name === name);
  }

  /** Moves all schedules along. */
  get scheduler(): CompressionScheduler {
    return this.parts.composite.scheduler;
  }

  /** Variables that the compression trains; `optimizer.minimize` without a list trains them too. */
  get parameters(): readonly CompressionParameter[] {
    return this.parts.composite.parameters;
  }

  /**
   * Gives the compression's parameters the learning rates that they wish for, `main` the rest: for `compile`, `minimize` and
   * checkpoints. Slots stay with their variables also when some get their first gradient later, as parameters do that a
   * schedule starts: `minimize` needs no list of variables. Make it once, after layers were frozen that are to be.
   *
   * Where a method prescribes the learning rate and the weight decay of the weights, `main` keeps to them at every step.
   */
  optimizer(main: Optimizer): Optimizer {
    const variables = [...this.parts.variables.values()];
    const grouped = groupedOptimizer(main, this.parameters, variables);
    return prescribedOptimizer(
      grouped,
      this.scheduler,
      variables.filter(({ rank }) => rank > 1),
    );
  }

  /**
   * Prepares the operators: ranges from data, batch-norm statistics.
   *
   * @param data batches; may be left out when no algorithm needs data
   * @throws NncfError `CALIBRATION_EMPTY`, `LOSS_INVALID`; `CALIBRATION_INVALID`, `DATA_NOT_FINITE` with the number of the batch
   */
  async initialize<Batch extends CalibrationBatch>(data?: CalibrationData<Batch>, options: InitializeOptions<Batch> = {}): Promise<void> {
    const { adapter, observe } = this.parts;
    const { prepared } = this;
    // Methods may take gradients of the model to prepare themselves.
    this.prepared = true;
    try {
      const context = await calibrationContext({ adapter, observe }, data, options.progress ?? (() => undefined), options.loss);
      await this.parts.composite.initialize(context);
    } catch (error) {
      this.prepared = prepared;
      throw error;
    }
  }

  /** The compression's term of the loss, a scalar; 0 where no method has one. `fit` adds it by itself. */
  loss(): Scalar {
    return this.parts.composite.loss();
  }

  stage(): CompressionStage {
    return this.parts.composite.stage();
  }

  statistics(): Statistics {
    return this.parts.composite.statistics();
  }

  /** For `model.fit(x, y, { callbacks: [algo.callback()] })`: steps the schedules. */
  callback(): CompressionCallback {
    return schedulerCallback(this.scheduler);
  }

  /** State of the methods alone, as data. */
  state(): CompressionState {
    return takeState(this.parts.composite);
  }

  /** @throws NncfError `STATE_MISMATCH`; nothing is changed then */
  loadState(state: CompressionState): void {
    restoreState(this.parts.composite, state);
    this.prepared = true;
  }

  /**
   * Writes weights, compression, optimizer and `extra` into one file, whole or not at all.
   *
   * @throws NncfError `CHECKPOINT_UNSUPPORTED` for an optimizer that TensorFlow.js cannot save, `FILE_UNWRITABLE`
   */
  async saveCheckpoint(file: string, options: CheckpointOptions = {}): Promise<void> {
    const optimizer = options.optimizer === undefined ? [] : await optimizerData(options.optimizer);
    await writeCheckpoint(file, {
      compression: this.state(),
      weights: variableData(this.parts.variables),
      optimizer,
      extra: options.extra ?? {},
    });
  }

  /**
   * Goes on from a checkpoint.
   *
   * @returns the `extra` that was saved
   * @throws NncfError `FILE_UNREADABLE`, `CHECKPOINT_CORRUPT`, `STATE_MISMATCH` that name the file; nothing is changed then
   */
  async loadCheckpoint(file: string, options: Pick<CheckpointOptions, 'optimizer'> = {}): Promise<JsonObject> {
    const checkpoint = await readCheckpoint(file);
    const { variables, composite } = this.parts;
    const before = { state: this.state(), weights: variableData(variables) };
    try {
      restoreState(composite, checkpoint.compression, file);
      assignVariables(variables, checkpoint.weights, file);
      if (options.optimizer !== undefined) await restoreOptimizer(options.optimizer, checkpoint.optimizer, file);
    } catch (error) {
      restoreState(composite, before.state);
      assignVariables(variables, before.weights);
      throw error;
    }
    this.prepared = true;
    return checkpoint.extra;
  }

  /**
   * Writes the compressed model.
   *
   * @throws NncfError `EXPORT_UNSUPPORTED` that names a node, `FILE_UNWRITABLE`
   */
  async exportModel(file: string, options: ExportOptions = {}): Promise<void> {
    const { graph, variables, plan, composite, plugins } = this.parts;
    const { exporter = 'onnx', ...rest } = options;
    const bytes = await exportBytes(exporter, { graph, variables, plan, operators: composite.operators }, rest, plugins);
    await writeFileAtomic(file, bytes);
  }

  /** Takes the compression out: the model computes again exactly what its own weights say. */
  remove(): void {
    this.parts.remove();
  }

  private checkPrepared(): void {
    if (this.prepared) return;
    this.prepared = true;
    const names = this.parts.composite.members.filter((member) => member.needsInitialization === true).map(({ name }) => name);
    if (names.length > 0) this.parts.warn(unprepared(names));
  }
}

function unprepared(names: readonly string[]): string {
  return `Training begins, but initialize() was not called: ${names.join(' and ')} ${names.length > 1 ? 'start' : 'starts'} from a guess. Call \`await algo.initialize(batches)\` with some batches of the training set before the first step, or load a checkpoint.`;
}

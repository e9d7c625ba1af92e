import * as tf from '@tensorflow/tfjs-core';
import type { JsonObject, TensorOperator } from '@nncf/core';
import { createRangeEstimator, type Range, type RangeEstimator } from '../range/estimator.ts';
import type { RangePurpose } from '../range/parameters.ts';
import type { QuantizerSpec } from '../scheme.ts';

/** Kind of the operators of this package, for the exporters' mappings. */
export const FAKE_QUANTIZE = 'fake-quantize';

/** The grid of a quantizer as figures, parameters in the layout that TensorFlow.js has. */
export interface QuantizerGrid {
  /** Lowest and highest grid point, one per channel. */
  readonly low: Float32Array;
  readonly high: Float32Array;
  /** Shape of both: `[]` per tensor. */
  readonly shape: readonly number[];
  /** Integers of the lowest and highest grid point. */
  readonly levelLow: number;
  readonly levelHigh: number;
}

/** A trained variable with the name of its role: `scale`, `input_low`. */
export interface NamedParameter {
  readonly name: string;
  readonly variable: tf.Variable;
}

/** What every quantizer is made with. */
export interface FakeQuantizerOptions {
  /** What is quantized, for messages and checkpoints: `conv1/kernel`. */
  readonly name: string;
  readonly spec: QuantizerSpec;
  /** Weights: their first axis is no batch. */
  readonly isWeight: boolean;
  /** Factor on the gradients of the parameters. @default 1 */
  readonly gradientFactor?: number | undefined;
  /** Format of exported files when the export itself does not say. */
  readonly exportFormat?: ExportFormat | undefined;
}

/** How a quantizer is written to ONNX: standard operations, or OpenVINO's. */
export type ExportFormat = 'qdq' | 'fakequantize';

/** When a quantizer has seen enough: after so many batches, or so many samples. */
export type CollectionLimit = { readonly batches: number } | { readonly samples: number };

/** Values seen so far while a range is estimated. */
interface Collection {
  readonly estimator: RangeEstimator;
  readonly limit: CollectionLimit;
  /** Ids of the tensors of the present batch. */
  readonly seen: Set<number>;
  batches: number;
  samples: number;
  samplesInBatch: number;
}

/**
 * Rounds a tensor to a grid whose parameters are trained. Until it has a range it lets tensors pass, as it does while it collects values
 * for one, and while it is switched off.
 */
export abstract class FakeQuantizer implements TensorOperator {
  readonly kind: string = FAKE_QUANTIZE;
  readonly name: string;
  readonly isWeight: boolean;
  readonly exportFormat: ExportFormat | undefined;
  protected readonly gradientFactor: number;
  readonly #planned: QuantizerSpec;
  #spec: QuantizerSpec;
  #collection: Collection | undefined;
  #initialized = false;
  #enabled = true;
  #released = false;
  #revision = 0;

  constructor({ name, spec, isWeight, gradientFactor = 1, exportFormat }: FakeQuantizerOptions) {
    this.name = name;
    this.#planned = spec;
    this.#spec = spec;
    this.isWeight = isWeight;
    this.gradientFactor = gradientFactor;
    this.exportFormat = exportFormat;
  }

  abstract get namedParameters(): readonly NamedParameter[];
  /** Rounds the tensor; on the gradient tape. */
  protected abstract quantize(x: tf.Tensor): tf.Tensor;
  /** Takes parameters from a range. */
  protected abstract assignRange(range: Range, purpose: RangePurpose): void;
  /** The grid as it is now. */
  abstract grid(): QuantizerGrid;
  /** Figures of the quantizer besides its tensors, for checkpoints. */
  protected abstract figures(): JsonObject;
  protected abstract assignFigures(figures: JsonObject): void;

  /** What the quantizer is built from; its bit width may be another one than the plan's since {@link setBits}. */
  get spec(): QuantizerSpec {
    return this.#spec;
  }

  /** Rounds to another number of bits from now on. The range stays; half of the levels are kept free at the plan's width alone. */
  setBits(bits: number): void {
    if (bits === this.#spec.bits) return;
    this.#spec = { ...this.#planned, bits, halfRange: this.#planned.halfRange && bits === this.#planned.bits };
    this.#revision++;
  }

  get parameters(): readonly tf.Variable[] {
    return this.namedParameters.map(({ variable }) => variable);
  }

  get revision(): number {
    return this.#revision;
  }

  /** Whether a range is known. */
  get initialized(): boolean {
    return this.#initialized;
  }

  /** Whether tensors are rounded now. */
  get isActive(): boolean {
    return this.#initialized && this.enabled && this.#collection === undefined;
  }

  get enabled(): boolean {
    return this.#enabled && !this.#released;
  }

  /** Whether the tensor was given back to floating point for good, checkpoints included. */
  get released(): boolean {
    return this.#released;
  }

  set released(released: boolean) {
    if (released !== this.#released) this.#revision++;
    this.#released = released;
  }

  /** Switches rounding on and off; parameters stay. */
  set enabled(enabled: boolean) {
    if (enabled !== this.#enabled) this.#revision++;
    this.#enabled = enabled;
  }

  apply(x: tf.Tensor): tf.Tensor {
    if (this.#collection !== undefined && !this.isWeight) this.observe(x);
    return this.isActive ? this.quantize(x) : x;
  }

  /** Starts to collect values; tensors pass until {@link adopt} or {@link cancelCollecting}. */
  startCollecting(limit: CollectionLimit): void {
    this.#collection = { estimator: this.createEstimator(), limit, seen: new Set(), batches: 0, samples: 0, samplesInBatch: 0 };
    this.#revision++;
  }

  /** Tells that a batch is over. */
  endBatch(): void {
    const collection = this.#collection;
    if (collection === undefined || collection.seen.size === 0) return;
    collection.batches++;
    collection.samples += collection.samplesInBatch;
    collection.samplesInBatch = 0;
    collection.seen.clear();
  }

  /** Whether enough was seen. */
  get isSatisfied(): boolean {
    const collection = this.#collection;
    if (collection === undefined) return true;
    const { limit, batches, samples } = collection;
    return 'batches' in limit ? batches >= limit.batches : samples >= limit.samples;
  }

  /**
   * The range of what was collected.
   *
   * @throws NncfError `RANGE_NO_DATA`, `RANGE_NOT_FINITE` that name the quantizer
   */
  collectedRange(): Range {
    return (this.#collection?.estimator ?? this.createEstimator()).range();
  }

  /** Takes parameters from a range, or those that a quantizer is made with, and rounds from now on. */
  adopt(range?: Range, purpose: RangePurpose = 'training'): void {
    this.cancelCollecting();
    if (range !== undefined) tf.tidy(() => this.assignRange(range, purpose));
    this.#initialized = true;
    this.#revision++;
  }

  /** Stops collecting without a range. */
  cancelCollecting(): void {
    if (this.#collection !== undefined) this.#revision++;
    this.#collection = undefined;
  }

  /** Lets a tensor count as seen, as {@link apply} does for those that flow by. */
  observe(x: tf.Tensor): void {
    const collection = this.#collection;
    // One tensor may be read at several places, but it is one observation.
    if (collection === undefined || this.isSatisfied || collection.seen.has(x.id)) return;
    collection.seen.add(x.id);
    collection.samplesInBatch = Math.max(collection.samplesInBatch, x.shape[0] ?? 1);
    collection.estimator.update(x);
  }

  /** State as data. */
  state(): JsonObject {
    const { mode, bits } = this.spec;
    const released = this.#released ? { released: true } : {};
    return { mode, bits, initialized: this.#initialized, ...released, ...this.figures() };
  }

  /** Takes a state whose tensors are assigned already. */
  loadState(state: JsonObject): void {
    this.cancelCollecting();
    this.#initialized = state['initialized'] === true;
    if (typeof state['bits'] === 'number') this.setBits(state['bits']);
    this.#released = state['released'] === true;
    this.#revision++;
    this.assignFigures(state);
  }

  dispose(): void {
    for (const variable of this.parameters) variable.dispose();
  }

  private createEstimator(): RangeEstimator {
    const { parameterShape, range, mode, bits } = this.spec;
    return createRangeEstimator({
      type: range.type,
      channelAxes: parameterShape.flatMap((size, axis) => (size === 1 ? [] : [axis])),
      absoluteMax: mode === 'symmetric',
      weights: this.isWeight,
      minPercentile: range.minPercentile,
      maxPercentile: range.maxPercentile,
      levels: 2 ** bits,
      name: `the quantizer of ${this.name}`,
    });
  }
}

import {
  createCompressionAlgorithm,
  traceModel,
  type CalibrationData,
  type CompressibleModel,
  type GraphNode,
  type InitializeContext,
  type ModelCompression,
} from '@nncf/core';
import { QuantizationController } from '../controller.ts';
import { initializeRanges } from '../initialize.ts';
import { ALGORITHM_NAME } from '../placement/commands.ts';
import type { FakeQuantizer } from '../quantizers/fake-quantizer.ts';
import { quantizerLookup } from '../statistics.ts';
import { applyShift, BiasCorrection, type CorrectableLayer, type LayerShift } from './bias-correction.ts';
import { scalablePairs, type ScalablePair, type UnscalableLayer } from './equalization.ts';
import { alphaInvalid, otherCopy } from './errors.ts';
import type { LiveGraph } from './linear-layers.ts';
import { configOf, leavesRanges, subsetSizeOf, type QuantizeOptions } from './options.ts';
import { Originals } from './originals.ts';
import { narrowRanges } from './range-search.ts';
import { replayable, type ReplayableData } from './replayable.ts';
import type { BiasCorrectionRow, PostTrainingReport, SmoothQuantRow } from './report.ts';
import { shiftTarget } from './shift-targets.ts';
import { resultPeaks, smooth } from './smooth-quant.ts';
import { isForDepthwise, stretchChannels } from './stretch-channels.ts';

const DEFAULT_ALPHA = 0.5;
/** Samples that tell which of a few ranges is best. */
const SEARCH_SAMPLES = 32;

/** A layer with quantized weights. */
interface QuantizedLayer {
  readonly node: GraphNode;
  readonly weights: FakeQuantizer;
}

/** Post-training quantization at work on one model. */
export class PostTraining<Model extends CompressibleModel> {
  readonly compression: ModelCompression<Model>;
  readonly controller: QuantizationController;
  readonly options: QuantizeOptions;
  readonly samples: number;
  readonly #data: ReplayableData;
  readonly #scaled = new Originals();
  readonly #shifted = new Originals();
  readonly #layers: readonly QuantizedLayer[];
  #smoothQuant: readonly SmoothQuantRow[] = [];
  #stretched: readonly string[] = [];
  #shifts: readonly LayerShift[] = [];
  #unshiftable: readonly BiasCorrectionRow[] = [];

  private constructor(compression: ModelCompression<Model>, data: CalibrationData, options: QuantizeOptions) {
    const controller = compression.algorithm(ALGORITHM_NAME);
    if (!(controller instanceof QuantizationController)) throw otherCopy();
    this.compression = compression;
    this.controller = controller;
    this.options = options;
    this.samples = subsetSizeOf(options);
    this.#data = replayable(data);
    this.#layers = quantizedLayers(controller);
  }

  /** Inserts quantizers without ranges. */
  static async insert<Model extends CompressibleModel>(
    model: Model,
    data: CalibrationData,
    options: QuantizeOptions,
  ): Promise<PostTraining<Model>> {
    subsetSizeOf(options);
    alphaOf(options);
    const warn = options.warn ?? ((message: string) => console.warn(`[nncf] ${message}`));
    const inputs = options.inputInfo === undefined ? [] : [options.inputInfo].flat();
    const graph = options.ignoredScope === undefined ? undefined : traceModel(model, inputs).graph;
    return new PostTraining(await createCompressionAlgorithm(model, configOf(options, graph, warn), { warn }), data, options);
  }

  get report(): PostTrainingReport {
    return {
      biasCorrection: [...this.#shifts.map(shiftRow), ...this.#unshiftable],
      smoothQuant: this.#smoothQuant,
      stretched: this.#stretched,
    };
  }

  /** Scales channels, finds and narrows ranges, and moves biases, as the options say. After an error the model is as it was. */
  async calibrate(): Promise<void> {
    try {
      await this.withData(async (context) => {
        await this.#scaleChannels(context);
        await this.#findRanges(context);
        if (leavesRanges(this.options)) await this.#narrowRanges(context);
      });
      this.correctBiases();
    } catch (error) {
      this.undo();
      throw error;
    }
  }

  /** Takes everything back: weights as they were, no quantizer. */
  undo(): void {
    this.#shifted.restore();
    this.#scaled.restore();
    this.compression.remove();
  }

  /** Moves the biases of layers whose weights are quantized, and puts back those of the others. */
  correctBiases(): void {
    this.#shifted.restore();
    const quantized = new Set(this.#layers.filter(({ weights }) => weights.enabled).map(({ node }) => node));
    for (const shift of this.#shifts.filter(({ node }) => quantized.has(node))) applyShift(shift, this.#shifted);
  }

  /** Runs a task over the calibration data. */
  async withData(task: (context: InitializeContext) => Promise<void>): Promise<void> {
    const { progress } = this.options;
    this.controller.initialization = task;
    try {
      await this.compression.initialize(this.#data.data, progress === undefined ? {} : { progress });
    } finally {
      this.controller.initialization = undefined;
    }
  }

  /** Frees what was kept of the data. */
  dispose(): void {
    this.#data.dispose();
  }

  get #live(): LiveGraph {
    return { view: this.controller.source.view, variables: this.controller.variables };
  }

  /** Ranges, and in the same run over the data what bias correction needs. */
  async #findRanges(context: InitializeContext): Promise<void> {
    const targets = { ...this.controller.rangeTargets, purpose: 'post_training' } as const;
    if (this.options.biasCorrection === false) return void (await initializeRanges(targets, context));
    const correction = new BiasCorrection(this.#correctable(), this.compression.graph.traceBatch);
    try {
      await initializeRanges({ ...targets, observers: correction.observers }, context);
      const weights = targets.weights.map(({ quantizer }) => quantizer).filter((quantizer) => quantizer.enabled);
      this.#shifts = await correction.shifts(context, (on) => weights.forEach((quantizer) => (quantizer.enabled = on)));
    } finally {
      correction.dispose();
    }
  }

  #narrowRanges(context: InitializeContext): Promise<void> {
    const samples = Math.min(SEARCH_SAMPLES, this.samples);
    return narrowRanges({ source: this.controller.source, live: this.#live, samples }, context);
  }

  /** Layers whose results can be moved; the others are for the report. */
  #correctable(): readonly CorrectableLayer[] {
    const found = this.#layers.map(({ node }) => ({ node, shiftable: shiftTarget(this.#live, node) }));
    this.#unshiftable = found.flatMap(({ node, shiftable }) =>
      'reason' in shiftable ? [{ layer: node.name, reason: shiftable.reason }] : [],
    );
    return found.flatMap(({ node, shiftable }) => ('target' in shiftable ? [{ node, target: shiftable.target }] : []));
  }

  /** Passes factors between layers, channel by channel. */
  async #scaleChannels(context: InitializeContext): Promise<void> {
    const alpha = alphaOf(this.options);
    const producers = this.#layers.map(({ node }) => node);
    const { pairs, others } = scalablePairs(this.#live, producers);
    const smoothed = pairs.filter(({ isCut }) => alpha !== undefined && !isCut);
    const stretched =
      this.options.stretchChannels === false ? [] : pairs.filter((pair) => isForDepthwise(pair) && !smoothed.includes(pair));
    const known =
      smoothed.length + stretched.length === 0 ? undefined : await resultPeaks([...smoothed, ...stretched], this.samples, context);
    const of = (some: readonly ScalablePair[]): Map<ScalablePair, Float32Array> => new Map(some.map((pair) => [pair, known!.get(pair)!]));
    smooth(of(smoothed), alpha ?? DEFAULT_ALPHA, this.#scaled);
    stretchChannels(of(stretched), this.#scaled);
    this.#stretched = stretched.map(({ producer }) => producer.name);
    if (alpha !== undefined) this.#smoothQuant = smoothQuantRows(smoothed, pairs, others);
  }
}

function smoothQuantRows(
  smoothed: readonly ScalablePair[],
  pairs: readonly ScalablePair[],
  others: readonly UnscalableLayer[],
): readonly SmoothQuantRow[] {
  const cut = pairs.filter(({ isCut }) => isCut).map(({ producer }) => ({ producer, reason: 'ReLU6 does not scale with its result' }));
  return [
    ...smoothed.map(({ producer, consumers }) => ({ layer: producer.name, consumers: consumers.map(({ name }) => name) })),
    ...[...cut, ...others].map(({ producer, reason }) => ({ layer: producer.name, reason })),
  ];
}

function shiftRow({ node, target, shift }: LayerShift): BiasCorrectionRow {
  const largestShift = shift.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { layer: node.name, into: target.into, largestShift };
}

/** α of SmoothQuant; undefined where it is not asked for. @throws NncfError `SMOOTH_QUANT_INVALID` */
function alphaOf({ smoothQuant = false }: QuantizeOptions): number | undefined {
  if (typeof smoothQuant === 'boolean') return smoothQuant ? DEFAULT_ALPHA : undefined;
  if (smoothQuant >= 0 && smoothQuant <= 1) return smoothQuant;
  throw alphaInvalid(smoothQuant);
}

function quantizedLayers({ source }: QuantizationController): readonly QuantizedLayer[] {
  const lookup = quantizerLookup(source);
  return source.view.graph.nodes.flatMap((node) => {
    const weights = source.view.info(node).role === 'linear' ? lookup(node, 1) : undefined;
    return weights?.isWeight === true ? [{ node, weights }] : [];
  });
}

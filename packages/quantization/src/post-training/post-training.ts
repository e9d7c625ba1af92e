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
import { correctBiases, type CorrectableLayer, type LayerShift } from './bias-correction.ts';
import { scalablePairs } from './equalization.ts';
import { alphaInvalid, otherCopy } from './errors.ts';
import type { LiveGraph } from './linear-layers.ts';
import { configOf, subsetSizeOf, type QuantizeOptions } from './options.ts';
import { Originals } from './originals.ts';
import { replayable, type ReplayableData } from './replayable.ts';
import type { BiasCorrectionRow, PostTrainingReport, SmoothQuantRow } from './report.ts';
import { shiftTarget } from './shift-targets.ts';
import { resultPeaks, smooth } from './smooth-quant.ts';

const DEFAULT_ALPHA = 0.5;

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
  #biasCorrection: readonly BiasCorrectionRow[] = [];

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
    return { biasCorrection: this.#biasCorrection, smoothQuant: this.#smoothQuant };
  }

  /** Finds ranges, before that scales channels and after that moves biases, as the options say. After an error the model is as it was. */
  async calibrate(): Promise<void> {
    try {
      await this.withData(async (context) => {
        await this.smoothChannels(context);
        await initializeRanges({ ...this.controller.rangeTargets, purpose: 'post_training' }, context);
      });
      await this.correctBiases();
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

  /** Puts the biases back, and moves them anew where weights are still quantized. */
  async correctBiases(): Promise<void> {
    this.restoreBiases();
    if (this.options.biasCorrection === false) return;
    const { correctable, rows } = this.#correctable();
    const shifts = correctable.length === 0 ? [] : await this.#shift(correctable);
    this.#biasCorrection = [...shifts.map(shiftRow), ...rows];
  }

  /** Gives biases the values that they had before any correction. */
  restoreBiases(): void {
    this.#shifted.restore();
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

  async #shift(layers: readonly CorrectableLayer[]): Promise<readonly LayerShift[]> {
    let shifts: readonly LayerShift[] = [];
    const quantizers = [...this.controller.operators.values()];
    const { traceBatch } = this.compression.graph;
    await this.withData(async (context) => {
      shifts = await correctBiases({ layers, quantizers, originals: this.#shifted, samples: this.samples, traceBatch }, context);
    });
    return shifts;
  }

  #correctable(): { readonly correctable: readonly CorrectableLayer[]; readonly rows: readonly BiasCorrectionRow[] } {
    const correctable: CorrectableLayer[] = [];
    const rows: BiasCorrectionRow[] = [];
    for (const { node } of this.#layers.filter(({ weights }) => weights.enabled)) {
      const found = shiftTarget(this.#live, node);
      if ('target' in found) correctable.push({ node, target: found.target });
      else rows.push({ layer: node.name, reason: found.reason });
    }
    return { correctable, rows };
  }

  private async smoothChannels(context: InitializeContext): Promise<void> {
    const alpha = alphaOf(this.options);
    if (alpha === undefined) return;
    const producers = this.#layers.map(({ node }) => node);
    const { pairs, others } = scalablePairs(this.#live, producers);
    if (pairs.length > 0) smooth(await resultPeaks(pairs, this.samples, context), alpha, this.#scaled);
    this.#smoothQuant = [
      ...pairs.map(({ producer, consumers }) => ({ layer: producer.name, consumers: consumers.map(({ name }) => name) })),
      ...others.map(({ producer, reason }) => ({ layer: producer.name, reason })),
    ];
  }
}

function shiftRow({ node, into, largest }: LayerShift): BiasCorrectionRow {
  return { layer: node.name, into, largestShift: largest };
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

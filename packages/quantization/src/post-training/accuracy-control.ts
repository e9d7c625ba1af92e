import type { CalibrationData, CompressibleModel, ModelCompression } from '@nncf/core';
import { maxDropInvalid, metricInvalid } from './errors.ts';
import type { QuantizeOptions } from './options.ts';
import { PostTraining } from './post-training.ts';
import { operationGroups, type OperationGroup } from './quantizer-groups.ts';
import { rankByOutputs, type RankedGroup, type Ranking } from './ranking.ts';
import type { PostTrainingReport } from './report.ts';

/** Tells how good the model is: the larger the better. It gets the model itself, quantized or not, and the validation data as given. */
export type ValidationFunction<Model, Validation> = (model: Model, validation: Validation) => number | Promise<number>;

/** Options of {@link quantizeWithAccuracyControl}. */
export interface AccuracyControlOptions extends QuantizeOptions {
  /** How much worse than in floating point the metric may be. @default 0.01 */
  readonly maxDrop?: number | undefined;
  /** `absolute`: in units of the metric. `relative`: as a share of the metric in floating point. @default 'absolute' */
  readonly dropType?: 'absolute' | 'relative' | undefined;
  /**
   * What tells which quantizers hurt: `output`, the difference of the model's outputs from floating point on calibration data, or `metric`, the
   * validation function, which then runs once for every group of quantizers. @default 'output'
   */
  readonly rankBy?: 'output' | 'metric' | undefined;
  /** Calibration samples on which outputs are compared. @default 64 */
  readonly rankingSubsetSize?: number | undefined;
}

/** One group of quantizers that was given back to floating point. */
export interface GivenBack {
  /** Operations that computed in floating point then. */
  readonly operations: readonly string[];
  /** Quantizers by what they quantize. */
  readonly quantizers: readonly string[];
  /** Why this group and not another. */
  readonly reason: string;
  /** Metric of the model afterwards. */
  readonly metric: number;
  /** Drop from floating point afterwards, as `dropType` says. */
  readonly drop: number;
  /** False where the metric got worse, so that the quantizers were put back. */
  readonly kept: boolean;
}

/** What accuracy control found and did. */
export interface AccuracyControlReport extends PostTrainingReport {
  /** Metric in floating point. */
  readonly originalMetric: number;
  /** Metric with all quantizers. */
  readonly quantizedMetric: number;
  /** Metric of the result. */
  readonly metric: number;
  /** Drop of the result, as `dropType` says. */
  readonly drop: number;
  /** Whether the drop is within `maxDrop`. */
  readonly reached: boolean;
  /** What was given back, in this order. */
  readonly steps: readonly GivenBack[];
}

/** A quantized model that keeps its accuracy, and what that took. */
export interface ControlledModel<Model> {
  /** Ready for `exportModel`; what was given back is in floating point there, and in checkpoints. */
  readonly algorithm: ModelCompression<Model>;
  readonly report: AccuracyControlReport;
}

const DEFAULT_MAX_DROP = 0.01;
const DEFAULT_RANKING_SAMPLES = 64;

/**
 * Quantizes as {@link quantize} does, and where the metric drops by more than `maxDrop` gives quantizers back to floating point: it ranks the groups
 * of quantizers that operations share by what giving each alone back would gain, and gives them back one after the other until the drop is small
 * enough. A group whose return makes the metric worse is put back. What is given back gets its biases back too.
 *
 * @param validation handed to `validationFn` as it is
 * @throws NncfError those of {@link quantize}; `METRIC_INVALID`, `MAX_DROP_INVALID`
 */
export async function quantizeWithAccuracyControl<Model extends CompressibleModel, Validation>(
  model: Model,
  calibrationDataset: CalibrationData,
  validation: Validation,
  validationFn: ValidationFunction<Model, Validation>,
  options: AccuracyControlOptions = {},
): Promise<ControlledModel<Model>> {
  const { maxDrop = DEFAULT_MAX_DROP } = options;
  if (!(maxDrop >= 0)) throw maxDropInvalid(maxDrop);
  const originalMetric = finite(await validationFn(model, validation), 'original');
  const work = await PostTraining.insert(model, calibrationDataset, options);
  try {
    await work.calibrate();
    const measure = async (): Promise<number> => finite(await validationFn(model, validation), 'quantized');
    const report = await new AccuracyControl(work, { ...options, maxDrop }, originalMetric, measure).run();
    return { algorithm: work.compression, report };
  } catch (error) {
    work.undo();
    throw error;
  } finally {
    work.dispose();
  }
}

/** The search for the quantizers that hurt. */
class AccuracyControl<Model extends CompressibleModel> {
  readonly #work: PostTraining<Model>;
  readonly #options: AccuracyControlOptions & { readonly maxDrop: number };
  readonly #original: number;
  readonly #measure: () => Promise<number>;
  readonly #steps: GivenBack[] = [];
  #metric = Number.NaN;

  constructor(
    work: PostTraining<Model>,
    options: AccuracyControlOptions & { readonly maxDrop: number },
    original: number,
    measure: () => Promise<number>,
  ) {
    this.#work = work;
    this.#options = options;
    this.#original = original;
    this.#measure = measure;
  }

  async run(): Promise<AccuracyControlReport> {
    const quantizedMetric = (this.#metric = await this.#measure());
    if (!this.#isReached) await this.#giveBack(await this.#rank());
    return {
      ...this.#work.report,
      originalMetric: this.#original,
      quantizedMetric,
      metric: this.#metric,
      drop: this.#dropOf(this.#metric),
      reached: this.#isReached,
      steps: this.#steps,
    };
  }

  get #isReached(): boolean {
    return this.#dropOf(this.#metric) <= this.#options.maxDrop;
  }

  #dropOf(metric: number): number {
    const drop = this.#original - metric;
    return this.#options.dropType === 'relative' ? drop / Math.max(Math.abs(this.#original), Number.MIN_VALUE) : drop;
  }

  /** The second round takes what the first one put back: in the end nothing is left that could hurt. */
  async #giveBack(ranking: Ranking): Promise<void> {
    const putBack: RankedGroup[] = [];
    for (const ranked of ranking.groups) {
      if (this.#isReached) return;
      if (!(await this.#step(ranked, ranking, 'unless worse'))) putBack.push(ranked);
    }
    for (const ranked of putBack) {
      if (this.#isReached) return;
      await this.#step(ranked, ranking, 'always');
    }
  }

  async #step({ group, cost }: RankedGroup, { error }: Ranking, keep: 'always' | 'unless worse'): Promise<boolean> {
    const before = this.#metric;
    this.#release(group, true);
    const metric = await this.#measure();
    const kept = keep === 'always' || metric >= before;
    const { operations, quantizers } = group;
    const drop = this.#dropOf(metric);
    this.#steps.push({ operations, quantizers: quantizers.map(({ name }) => name), reason: this.#reason(cost, error), metric, drop, kept });
    if (kept) this.#metric = metric;
    else this.#release(group, false);
    return kept;
  }

  #release({ quantizers }: OperationGroup, released: boolean): void {
    for (const quantizer of quantizers) quantizer.released = released;
    this.#work.correctBiases();
  }

  #reason(cost: number, error: number): string {
    return this.#options.rankBy === 'metric'
      ? `given back alone, it takes the metric from ${(-error).toPrecision(4)} to ${(-cost).toPrecision(4)}`
      : `given back alone, it takes the relative error of the outputs from ${error.toPrecision(3)} to ${cost.toPrecision(3)}`;
  }

  #rank(): Promise<Ranking> {
    const groups = operationGroups(this.#work.controller.source);
    return this.#options.rankBy === 'metric' ? this.#rankByMetric(groups) : this.#rankByOutputs(groups);
  }

  async #rankByOutputs(groups: readonly OperationGroup[]): Promise<Ranking> {
    const { rankingSubsetSize: samples = DEFAULT_RANKING_SAMPLES } = this.#options;
    const quantizers = [...this.#work.controller.operators.values()];
    let ranking: Ranking = { error: 0, groups: [] };
    await this.#work.withData(async (context) => {
      ranking = await rankByOutputs({ groups, quantizers, samples }, context);
    });
    return ranking;
  }

  async #rankByMetric(groups: readonly OperationGroup[]): Promise<Ranking> {
    const error = -(await this.#measure());
    const ranked: RankedGroup[] = [];
    for (const [index, group] of groups.entries()) {
      this.#release(group, true);
      ranked.push({ group, cost: -(await this.#measure()) });
      this.#release(group, false);
      this.#options.progress?.('ranking', index + 1, groups.length);
    }
    return { error, groups: ranked.toSorted((a, b) => a.cost - b.cost) };
  }
}

function finite(metric: unknown, when: string): number {
  if (typeof metric === 'number' && Number.isFinite(metric)) return metric;
  throw metricInvalid(metric, when);
}

import { parseConfig, parseConfigText, readFileBytes, validate, type NncfConfig } from '@nncf/core';
import type { Augmentation } from '@nncf/datasets';
import { badSetting } from '../errors.ts';
import type { LearningRateOptions } from '../train/learning-rate.ts';
import type { OptimizerOptions } from '../train/optimizer.ts';
import type { WindowOptions } from '../train/train.ts';
import { programSchema, type DistillationSection, type ProgramConfig } from './schema.ts';

/** What the command line may set; every flag wins over the configuration. */
export interface Flags {
  readonly config?: string;
  readonly model?: string;
  readonly width?: number;
  readonly dataset?: string;
  readonly data?: string;
  readonly weights?: string;
  readonly batchSize?: number;
  readonly epochs?: number;
  readonly seed?: number;
  readonly lr?: number;
  readonly optimizer?: 'sgd' | 'adam' | 'rmsprop';
  readonly schedule?: 'constant' | 'cosine' | 'linear' | 'multistep';
  readonly warmup?: number;
  readonly weightDecay?: number;
  readonly labelSmoothing?: number;
  readonly logDir?: string;
  /** A checkpoint, or `true` for the one in the log folder. */
  readonly resume?: string | true;
  readonly toOnnx?: string;
  readonly evaluateEvery?: number;
}

/** Everything a run needs to know, defaults filled in. */
export interface Settings {
  readonly model: string;
  readonly width: number;
  readonly dataset: string;
  /** Folder of the data; what it means depends on the dataset. */
  readonly data: string | undefined;
  /** Side of the pictures that a folder's are cut to. */
  readonly imageSize: number;
  readonly classes: number | undefined;
  readonly weights: string | undefined;
  readonly batchSize: number;
  readonly epochs: number;
  readonly seed: number;
  readonly optimizer: OptimizerOptions;
  readonly learningRate: LearningRateOptions;
  readonly labelSmoothing: number;
  readonly distillation: DistillationSection | undefined;
  readonly augment: Augmentation | undefined;
  /** Train on parts of the pictures at first. */
  readonly window: WindowOptions | undefined;
  readonly logDir: string;
  readonly resume: string | true | undefined;
  readonly toOnnx: string | undefined;
  readonly evaluateEvery: number;
  /** The configuration of the compression; undefined where there is none. */
  readonly compression: NncfConfig | undefined;
}

/**
 * Joins the configuration file and the command line.
 * @throws NncfError of the file (`FILE_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_UNKNOWN_KEY`, `CONFIG_INVALID`), or `CONFIG_INVALID` when model or dataset are missing
 */
export async function resolveSettings(flags: Flags): Promise<Settings> {
  const config = flags.config === undefined ? {} : await readConfig(flags.config);
  const { sections } = parseConfig(config);
  const program = validate(programSchema, config, '');
  const model = required('model', flags.model ?? program.model);
  const dataset = required('dataset', flags.dataset ?? program.dataset);
  const epochs = flags.epochs ?? program.epochs ?? 10;
  return {
    model,
    dataset,
    epochs,
    ...pictures(flags, program),
    ...pace(flags, program),
    optimizer: optimizerOf(flags, program),
    learningRate: learningRateOf(flags, program, epochs),
    distillation: program.distillation,
    weights: flags.weights ?? program.weights,
    logDir: flags.logDir ?? program.log_dir ?? `runs/${model}_${dataset}`,
    resume: flags.resume,
    toOnnx: flags.toOnnx,
    compression: sections.length === 0 ? undefined : config,
  };
}

async function readConfig(file: string): Promise<NncfConfig> {
  return parseConfigText(new TextDecoder().decode(await readFileBytes(file)), file);
}

function pictures(flags: Flags, program: ProgramConfig): Pick<Settings, 'width' | 'data' | 'imageSize' | 'classes' | 'augment' | 'window'> {
  const { pad = 0, flip = false, window } = program.preprocessing ?? {};
  return {
    width: flags.width ?? program.model_params?.width ?? 1,
    data: flags.data ?? program.data,
    imageSize: program.image_size ?? 224,
    classes: program.num_classes,
    augment: program.preprocessing === undefined ? undefined : { pad, flip },
    window,
  };
}

function pace(flags: Flags, program: ProgramConfig): Pick<Settings, 'batchSize' | 'seed' | 'labelSmoothing' | 'evaluateEvery'> {
  return {
    batchSize: flags.batchSize ?? program.batch_size ?? 128,
    seed: flags.seed ?? program.seed ?? 0,
    labelSmoothing: flags.labelSmoothing ?? program.criterion?.label_smoothing ?? 0,
    evaluateEvery: flags.evaluateEvery ?? program.test_every_n_epochs ?? 1,
  };
}

function optimizerOf(flags: Flags, { optimizer = {} }: ProgramConfig): OptimizerOptions {
  const { optimizer_params: params = {} } = optimizer;
  return {
    type: flags.optimizer ?? optimizer.type ?? 'sgd',
    momentum: optimizer.momentum ?? params.momentum ?? 0.9,
    nesterov: optimizer.nesterov ?? params.nesterov ?? true,
    weightDecay: flags.weightDecay ?? optimizer.weight_decay ?? 0,
    decay: optimizer.decay ?? 'l2',
  };
}

function learningRateOf(flags: Flags, { optimizer = {} }: ProgramConfig, epochs: number): LearningRateOptions {
  return {
    base: flags.lr ?? optimizer.base_lr ?? 0.01,
    schedule: flags.schedule ?? optimizer.schedule_type ?? 'cosine',
    epochs,
    warmup: flags.warmup ?? optimizer.warmup_epochs ?? 0,
    ...(optimizer.steps === undefined ? {} : { milestones: optimizer.steps }),
    gamma: optimizer.gamma ?? 0.1,
  };
}

function required(key: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw badSetting(`no ${key} is given`, `Give --${key}, or the key "${key}" in the configuration.`);
}

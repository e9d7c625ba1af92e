import { parseConfigText, readFileBytes, type NncfConfig } from '@nncf/core';
import { badSetting } from '../errors.ts';
import type { LearningRateOptions } from '../train/learning-rate.ts';
import type { OptimizerOptions } from '../train/optimizer.ts';
import type { TrainingSection } from './schema.ts';

/** What the command line of every sample program may set; every flag wins over the configuration. */
export interface TrainingFlags {
  readonly config?: string;
  readonly weights?: string;
  readonly batchSize?: number;
  readonly epochs?: number;
  readonly seed?: number;
  readonly lr?: number;
  readonly optimizer?: 'sgd' | 'adam' | 'adamw' | 'rmsprop';
  readonly schedule?: LearningRateOptions['schedule'];
  readonly warmup?: number;
  readonly weightDecay?: number;
  readonly logDir?: string;
  /** A checkpoint, or `true` for the one in the log folder. */
  readonly resume?: string | true;
  readonly toOnnx?: string;
  readonly evaluateEvery?: number;
}

/** What every sample program needs to know, defaults filled in. */
export interface TrainingSettings {
  readonly weights: string | undefined;
  readonly batchSize: number;
  readonly epochs: number;
  readonly seed: number;
  readonly optimizer: OptimizerOptions;
  readonly learningRate: LearningRateOptions;
  readonly logDir: string;
  readonly resume: string | true | undefined;
  readonly toOnnx: string | undefined;
  readonly evaluateEvery: number;
}

/**
 * Joins configuration and command line.
 * @param logDir where neither says one
 */
export function trainingSettings(flags: TrainingFlags, program: TrainingSection, logDir: string): TrainingSettings {
  const epochs = flags.epochs ?? program.epochs ?? 10;
  return {
    epochs,
    weights: flags.weights ?? program.weights,
    batchSize: flags.batchSize ?? program.batch_size ?? 128,
    seed: flags.seed ?? program.seed ?? 0,
    evaluateEvery: flags.evaluateEvery ?? program.test_every_n_epochs ?? 1,
    optimizer: optimizerOf(flags, program),
    learningRate: learningRateOf(flags, program, epochs),
    logDir: flags.logDir ?? program.log_dir ?? logDir,
    resume: flags.resume,
    toOnnx: flags.toOnnx,
  };
}

/**
 * Reads a configuration; none is an empty one.
 * @throws NncfError `FILE_UNREADABLE`, `CONFIG_SYNTAX`
 */
export async function readConfig(file: string | undefined): Promise<NncfConfig> {
  return file === undefined ? {} : parseConfigText(new TextDecoder().decode(await readFileBytes(file)), file);
}

/**
 * A setting that must be given, by a flag or in the configuration.
 * @throws NncfError `CONFIG_INVALID`
 */
export function required(key: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw badSetting(`no ${key} is given`, `Give --${key}, or the key "${key}" in the configuration.`);
}

function optimizerOf(flags: TrainingFlags, { optimizer = {} }: TrainingSection): OptimizerOptions {
  const { optimizer_params: params = {} } = optimizer;
  const type = flags.optimizer ?? optimizer.type ?? 'sgd';
  return {
    type: type === 'adamw' ? 'adam' : type,
    momentum: optimizer.momentum ?? params.momentum ?? 0.9,
    nesterov: optimizer.nesterov ?? params.nesterov ?? true,
    weightDecay: flags.weightDecay ?? optimizer.weight_decay ?? 0,
    decay: optimizer.decay ?? (type === 'adamw' ? 'decoupled' : 'l2'),
    ...(params.betas === undefined ? {} : { betas: params.betas }),
    ...(params.eps === undefined ? {} : { epsilon: params.eps }),
  };
}

function learningRateOf(flags: TrainingFlags, { optimizer = {} }: TrainingSection, epochs: number): LearningRateOptions {
  return {
    base: flags.lr ?? optimizer.base_lr ?? 0.01,
    schedule: flags.schedule ?? optimizer.schedule_type ?? 'cosine',
    epochs,
    warmup: flags.warmup ?? optimizer.warmup_epochs ?? 0,
    ...(optimizer.steps === undefined ? {} : { milestones: optimizer.steps }),
    gamma: optimizer.gamma ?? 0.1,
    ...(optimizer.step === undefined ? {} : { every: optimizer.step }),
    ...(optimizer.power === undefined ? {} : { power: optimizer.power }),
  };
}

import type { Tensor, Variable } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { InputInfo } from '../config/nncf-config.ts';
import { NncfError } from '../errors.ts';
import { FunctionalAdapter } from './functional-adapter.ts';
import { LayersAdapter } from './layers-adapter.ts';

/** A model written as plain code. `call` gets what the caller gives and returns one tensor or several. */
export interface FunctionalModel {
  /** Everything that is trained or saved, by name. */
  readonly variables: Readonly<Record<string, Variable>>;
  call(x: Tensor, options: { readonly training: boolean }): Tensor | Tensor[];
}

/** What can be compressed. */
export type CompressibleModel = LayersModel | FunctionalModel;

/** One input as the model declares it, completed by the configuration. */
export interface InputSpec {
  readonly name: string;
  /** Sizes; `null` where any size goes, as along the batch. */
  readonly shape: readonly (number | null)[];
  /** One size for every axis after the batch, to plan for. */
  readonly sample: readonly number[];
  readonly dtype: string;
  /** The one batch size that the model is made for, where it says so. */
  readonly batch?: number | undefined;
  /** What a trace feeds. @default 'zeros' where values must be whole, else 'random' */
  readonly filler?: 'ones' | 'zeros' | 'random' | undefined;
  /** True where values must be whole though the type allows others: they are looked up in a table. */
  readonly whole?: boolean | undefined;
}

/** Runs around a scope, or around a whole forward pass (`scope` undefined). */
export type AroundScope = <T>(scope: string | undefined, training: boolean | undefined, run: () => T) => T;

/** One face for both kinds of model. */
export interface ModelAdapter {
  readonly inputs: readonly InputSpec[];
  /** The model's variables by name: `<layer path>/<weight>`. */
  readonly variables: ReadonlyMap<string, Variable>;
  /** False where operations outside any scope cannot be intercepted in `fit`. */
  readonly interceptsRoot: boolean;
  /** Objects besides the model that an instrumentation changes, and their names. */
  readonly parts?: ReadonlyMap<object, string>;
  /**
   * Lets `around` wrap every scope of every forward pass until the returned function is called.
   *
   * @param starts hears that a pass begins which `around` is not told of as a whole; also at times when none runs
   */
  instrument(around: AroundScope, starts?: () => void): () => void;
  /** Lets the model forget earlier batches, and the batch size that its layers are declared for, until the returned function is called. */
  unbound?(): () => void;
  /** One forward pass. */
  forward(inputs: readonly Tensor[], training: boolean): readonly Tensor[];
}

/** Whether a model is a `tf.LayersModel`, told by its shape: several copies of tfjs-layers may be loaded. */
export function isLayersModel(model: unknown): model is LayersModel {
  return typeof model === 'object' && model !== null && 'layers' in model && 'predictOnBatch' in model;
}

function isFunctionalModel(model: unknown): model is FunctionalModel {
  return typeof model === 'object' && model !== null && 'variables' in model && 'call' in model && typeof model.call === 'function';
}

/**
 * @param inputInfo sizes for inputs that the model leaves open
 * @throws NncfError `MODEL_UNSUPPORTED`, `INPUT_UNKNOWN`, `CONFIG_INVALID`
 */
export function adapterFor(model: unknown, inputInfo: readonly InputInfo[]): ModelAdapter {
  if (isLayersModel(model)) return new LayersAdapter(model, inputInfo);
  if (isFunctionalModel(model)) return new FunctionalAdapter(model, inputInfo);
  throw new NncfError({
    code: 'MODEL_UNSUPPORTED',
    message: 'The model is neither a tf.LayersModel nor an object with `variables` and `call(x, { training })`.',
    hint: 'A tf.GraphModel is frozen and cannot be trained: load the Keras model with tf.loadLayersModel instead.',
  });
}

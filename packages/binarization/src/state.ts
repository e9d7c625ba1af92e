import { assignVariables, tensorData, type AlgorithmState } from '@nncf/core';
import type * as tf from '@tensorflow/tfjs-core';
import type { BinarizationMode } from './config.ts';
import { stateMismatch } from './errors.ts';
import type { ActivationBinarizer } from './operators/activation-binarizer.ts';

/** Version of the layout that {@link takeState} writes. */
export const STATE_VERSION = 1;

/** Which scales are known, and all parameters. */
export function takeState(mode: BinarizationMode, binarizers: readonly ActivationBinarizer[]): AlgorithmState {
  return {
    json: { mode, initialized: Object.fromEntries(binarizers.map(({ name, initialized }) => [name, initialized])) },
    tensors: Object.fromEntries([...variablesByName(binarizers)].map(([name, variable]) => [name, tensorData(variable)])),
  };
}

/**
 * Gives binarizers the state of equal ones. Everything is looked at before anything changes.
 *
 * @throws NncfError `STATE_MISMATCH`
 */
export function restoreState(mode: BinarizationMode, binarizers: readonly ActivationBinarizer[], { json, tensors }: AlgorithmState): void {
  const initialized = json['initialized'];
  if (typeof initialized !== 'object' || initialized === null) throw stateMismatch('The checkpoint holds no state of binarization.');
  if (json['mode'] !== mode)
    throw stateMismatch(`The checkpoint's weights are binarized by "${String(json['mode'])}", the model's by "${mode}".`);
  const known = new Map(Object.entries(initialized));
  const stranger = [...known.keys()].find((name) => !binarizers.some((binarizer) => binarizer.name === name));
  if (stranger !== undefined) throw stateMismatch(`The checkpoint binarizes what ${stranger} reads, which the model does not.`);
  const missing = binarizers.find(({ name }) => !known.has(name));
  if (missing !== undefined) throw stateMismatch(`The checkpoint does not binarize what ${missing.name} reads.`);
  assignVariables(variablesByName(binarizers), tensors);
  for (const binarizer of binarizers) binarizer.initialized = known.get(binarizer.name) === true;
}

/** Trained variables as checkpoints name them: `conv1/Conv2D_0/log_scale`. */
export function variablesByName(binarizers: readonly ActivationBinarizer[]): ReadonlyMap<string, tf.Variable> {
  return new Map(
    binarizers.flatMap(({ name, logScale, thresholdLogits }) => [
      [`${name}/log_scale`, logScale],
      [`${name}/threshold_logits`, thresholdLogits],
    ]),
  );
}

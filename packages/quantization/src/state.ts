import { assignVariables, NncfError, tensorData, type AlgorithmState, type JsonObject, type JsonValue } from '@nncf/core';
import type * as tf from '@tensorflow/tfjs-core';
import type { FakeQuantizer } from './quantizers/fake-quantizer.ts';

/** Version of the layout that {@link takeState} writes. */
export const STATE_VERSION = 1;

/** Figures and tensors of all quantizers. */
export function takeState(quantizers: readonly FakeQuantizer[]): AlgorithmState {
  return {
    json: { quantizers: Object.fromEntries(quantizers.map((quantizer) => [quantizer.name, quantizer.state()])) },
    tensors: Object.fromEntries([...variablesByName(quantizers)].map(([name, variable]) => [name, tensorData(variable)])),
  };
}

/**
 * Gives quantizers the state of equal ones. Everything is looked at before anything changes.
 *
 * @param widths bit widths that a quantizer may take over from the state: those that a method has chosen from; by default its own alone
 * @throws NncfError `STATE_MISMATCH`
 */
export function restoreState(
  quantizers: readonly FakeQuantizer[],
  { json, tensors }: AlgorithmState,
  widths: readonly number[] = [],
): void {
  const states = objectAt(json, 'quantizers');
  requireSame(quantizers, states, widths);
  for (const [name, { data }] of Object.entries(tensors)) {
    if (!data.every(Number.isFinite)) throw mismatch(`The checkpoint's "${name}" holds values that are not finite.`);
  }
  assignVariables(variablesByName(quantizers), tensors);
  for (const quantizer of quantizers) quantizer.loadState(objectAt(states, quantizer.name));
}

/** Trained variables as checkpoints name them: `conv1/kernel/scale`. */
export function variablesByName(quantizers: readonly FakeQuantizer[]): ReadonlyMap<string, tf.Variable> {
  return new Map(
    quantizers.flatMap((quantizer) =>
      quantizer.namedParameters.map(({ name, variable }) => [`${quantizer.name}/${name}`, variable] as const),
    ),
  );
}

function requireSame(quantizers: readonly FakeQuantizer[], states: JsonObject, widths: readonly number[]): void {
  const unknown = Object.keys(states).find((name) => !quantizers.some((quantizer) => quantizer.name === name));
  if (unknown !== undefined) throw mismatch(`The checkpoint has a quantizer of ${unknown}, which the model has not.`);
  for (const { name, spec } of quantizers) {
    if (states[name] === undefined) throw mismatch(`The checkpoint has no quantizer of ${name}.`);
    const { mode, bits } = objectAt(states, name);
    if (mode !== spec.mode || ![spec.bits, ...widths].includes(Number(bits))) {
      throw mismatch(
        `The checkpoint's quantizer of ${name} has ${String(bits)} bits, ${String(mode)}; the model's has ${spec.bits}, ${spec.mode}.`,
      );
    }
  }
}

function objectAt(json: JsonObject, key: string): JsonObject {
  const value: JsonValue | undefined = json[key];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mismatch(`The checkpoint has no "${key}".`);
  return value as JsonObject;
}

function mismatch(message: string): NncfError {
  return new NncfError({
    source: 'quantization',
    code: 'STATE_MISMATCH',
    message,
    hint: 'Build the model with the configuration that the checkpoint was made with. Nothing was changed.',
  });
}

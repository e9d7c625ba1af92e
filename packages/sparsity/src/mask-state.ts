import type { JsonObject, TensorData } from '@nncf/core';
import { tensor, tidy } from '@tensorflow/tfjs-core';
import { maskMismatch, stateInvalid } from './errors.ts';
import type { MaskOperator } from './mask-operator.ts';

/** Name of a weight's mask in a state. */
export function maskName(weight: string): string {
  return `mask/${weight}`;
}

/** Masks as data, one bit a byte. @param masks by the weight's name */
export function saveMasks(masks: ReadonlyMap<string, MaskOperator>): Record<string, TensorData> {
  return Object.fromEntries(
    [...masks].map(([weight, { mask }]) => [
      maskName(weight),
      { shape: [...mask.shape], dtype: 'bool', data: Uint8Array.from(mask.dataSync()) },
    ]),
  );
}

/**
 * Sets masks from a state; all are looked at before the first is changed.
 *
 * @param masks by the weight's name
 * @throws NncfError `STATE_MISMATCH`
 */
export function loadMasks(masks: ReadonlyMap<string, MaskOperator>, saved: Readonly<Record<string, TensorData>>): void {
  const loaded = [...masks].map(([weight, operator]) => [operator, checkTensor(maskName(weight), saved, operator.mask.shape)] as const);
  tidy(() => loaded.forEach(([operator, { data, shape }]) => operator.set(tensor(Float32Array.from(data), [...shape]))));
}

/** A tensor of a state that must have this shape. @throws NncfError `STATE_MISMATCH` */
export function checkTensor(name: string, saved: Readonly<Record<string, TensorData>>, shape: readonly number[]): TensorData {
  const found = saved[name];
  if (found === undefined || found.shape.join() !== shape.join()) throw maskMismatch(name, found?.shape, shape);
  return found;
}

/** A number of a state. @throws NncfError `STATE_MISMATCH` */
export function checkNumber(state: JsonObject, key: string): number {
  const value = state[key];
  if (typeof value !== 'number') throw stateInvalid(key);
  return value;
}

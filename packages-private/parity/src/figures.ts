import { join } from 'node:path';
import { readFileBytes, readSafetensors, writeFileAtomic, writeSafetensors, type SafetensorsTensor } from '@nncf/core';
import { weightNames } from '@nncf/zoo';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Case } from './cases.ts';
import type { Subject } from './subject.ts';

/**
 * What one half has measured, by name; both halves use the same names. A quantizer is called by its weights (`conv1.kernel`) or by the layer
 * whose result it rounds (`relu1`).
 *
 * - `ranges/<quantizer>/<parameter>`, and `signed/<quantizer>` where it is symmetric: after initialization
 * - `gradient/<weight>` and `gradient/<quantizer>/<parameter>`: of the first step of training
 * - `loss`: of every step
 * - `upstream/<quantizer>`: norm of the gradient that flows into it there, of the reference
 * - `output/<quantizer>`: what it made of `input/<quantizer>` in the first step of the reference
 * - `ties/<step>`: of the reference, see ties.ts
 */
export type Figures = ReadonlyMap<string, SafetensorsTensor>;

/** Values of a figure. */
export function valuesOf(figures: Figures, name: string): Float32Array | undefined {
  return figures.get(name)?.data as Float32Array | undefined;
}

/** A flat figure. */
export function figure(values: Float32Array | readonly number[]): SafetensorsTensor {
  return { dtype: 'F32', shape: [values.length], data: Float32Array.from(values) };
}

/** Those of a case's figures that are to be equal. */
export function comparable(figures: Figures, { unlike }: Case): Figures {
  if (unlike === undefined) return figures;
  return new Map([...figures].filter(([name]) => /^(ranges|signed)\//u.test(name) && !unlike.includes(name.split('/')[1]!)));
}

/** Reads figures. @throws NncfError `FILE_UNREADABLE` */
export async function readFigures(file: string): Promise<Figures> {
  return readSafetensors(await readFileBytes(file)).tensors;
}

/** Writes weights and data of a subject for the other half. */
export async function writeInputs(folder: string, name: string, { model, images, labels }: Subject): Promise<void> {
  const names = weightNames(model);
  const weights = model.weights.map((weight, i) => [names[i]!, data(weight.read())] as const);
  const entries = [...weights, ['images', data(images)] as const, ['labels', data(labels)] as const];
  await writeFileAtomic(join(folder, `${name}.in.safetensors`), writeSafetensors(entries, {}));
}

function data(tensor: Tensor): SafetensorsTensor {
  return { dtype: 'F32', shape: tensor.shape, data: Float32Array.from(tensor.dataSync()) };
}

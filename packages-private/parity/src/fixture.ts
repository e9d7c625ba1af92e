import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  readFileBytes,
  readSafetensors,
  writeFileAtomic,
  writeSafetensors,
  type SafetensorsFile,
  type SafetensorsTensor,
} from '@nncf/core';
import { STEPS, type Case } from './cases.ts';
import { comparable, figure, type Figures } from './figures.ts';
import { uniform } from './numbers.ts';
import type { Row } from './report.ts';

/** Steps of training that a test follows: the ties of more would fill megabytes. */
const STEPS_OF_DEEP_NETWORKS = 3;

/** Values of a quantizer that are kept of what it got and gave. */
const FEW_VALUES = 48;

/** Longest gradient that is kept in full where a network has many. */
const SHORT = 16;

/** Where the figures of a case are kept. */
export function fixtureFile({ name }: Case): string {
  return join(import.meta.dirname, '../fixtures', `${name}.safetensors.gz`);
}

/** Steps of training whose ties a fixture holds. */
export function fixtureSteps(each: Case): number {
  return isSmall(each) ? STEPS : STEPS_OF_DEEP_NETWORKS;
}

/** What a comparison in full found when the fixture was written. */
export type Outcome = Omit<Row, 'each'>;

/** Keeps a reference's figures, and what the comparison with all of them found. */
export async function writeFixture(each: Case, reference: Figures, outcome: Outcome): Promise<void> {
  const content = writeSafetensors([...condense(reference, each)], { outcome: JSON.stringify(outcome) });
  await writeFileAtomic(fixtureFile(each), gzipSync(content, { level: 9 }));
}

/** The reference's figures. @throws NncfError `FILE_UNREADABLE` */
export async function readFixture(each: Case): Promise<Figures> {
  return (await read(each)).tensors;
}

/** What the comparison found, undefined where there was none yet. */
export async function readOutcome(each: Case): Promise<Outcome | undefined> {
  if (!existsSync(fixtureFile(each))) return undefined;
  const { metadata } = await read(each);
  return JSON.parse(metadata['outcome'] ?? 'null') as Outcome;
}

/** Compressed: the names of the figures take as much room as they do. */
async function read(each: Case): Promise<SafetensorsFile> {
  return readSafetensors(gunzipSync(await readFileBytes(fixtureFile(each))));
}

/**
 * As little of a half's figures as tells whether they are right, for a repository. Of a long gradient these are its norm, its product with a
 * vector of ±1, which changes with any of its values, and the first few values.
 */
export function condense(figures: Figures, each: Case): Figures {
  const entries = [...comparable(figures, each)].flatMap(([name, tensor]): [string, SafetensorsTensor][] => {
    const [kind, at] = name.split('/');
    if (kind === 'input' || kind === 'output') return isSmall(each) ? [[name, leadingRows(tensor, name)]] : [];
    if (kind === 'ties') return Number(at) < fixtureSteps(each) ? [[name, tensor]] : [];
    if (kind === 'gradient') return [[name, isSmall(each) ? flat(tensor) : summary(tensor, name)]];
    return [[name, flat(tensor)]];
  });
  return new Map(entries);
}

function isSmall({ network }: Case): boolean {
  return network === 'small';
}

function flat(tensor: SafetensorsTensor): SafetensorsTensor {
  return { ...tensor, shape: [tensor.data.length] };
}

/** The first rows of the last two axes; a depthwise filter has its channels on the last but one. */
function leadingRows({ dtype, shape, data }: SafetensorsTensor, name: string): SafetensorsTensor {
  const [rows = 1, columns = 1] = shape.slice(-2);
  const kept = name.endsWith('depthwise.kernel') ? rows : Math.min(rows, Math.ceil(FEW_VALUES / columns));
  return { dtype, shape: [...shape.slice(0, -2).map(() => 1), kept, columns], data: data.slice(0, kept * columns) };
}

function summary({ data }: SafetensorsTensor, name: string): SafetensorsTensor {
  const values = data as Float32Array;
  if (values.length <= SHORT) return figure(values);
  const sign = uniform(name);
  let [squares, product] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    squares += values[i]! ** 2;
    product += sign(i) < 0.5 ? -values[i]! : values[i]!;
  }
  return figure([Math.sqrt(squares), product, ...values.slice(0, 6)]);
}

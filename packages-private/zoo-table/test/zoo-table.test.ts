import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonEnv } from '../../../scripts/python-env.mjs';
import { checkModel } from '../src/check-model.ts';
import { checkerComplaints } from '../src/checker.ts';
import { subjects } from '../src/subjects.ts';

const folder = mkdtempSync(join(tmpdir(), 'nncf-zoo-table-'));
const files: string[] = [];

beforeAll(async () => {
  await useBackend({ quiet: true });
});
beforeAll(() => void pythonEnv(), 15 * 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe('every model of the zoo, narrow', () => {
  it.each(subjects)('$name agrees with ONNX Runtime, and learns in 8 bits', async (subject) => {
    const before = tf.memory().numTensors;
    const report = await checkModel(subject, 0.125, folder);
    expect(tf.memory().numTensors).toBe(before);
    files.push(...report.files);
    expect(report.difference).toBeLessThan(1e-3);
    expect(report.quantizers).toBeGreaterThan(0);
    expect(report.losses.at(-1)!).toBeLessThan(report.losses[0]!);
  });

  it('gives files that onnx.checker accepts', () => {
    expect(files).toHaveLength(2 * subjects.length);
    const complaints = checkerComplaints(files);
    expect(files.filter((_, place) => complaints[place] !== null)).toEqual([]);
  });
});

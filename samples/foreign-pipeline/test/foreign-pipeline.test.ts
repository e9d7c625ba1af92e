import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useBackend } from '@nncf/backend';
import * as tf from '@tensorflow/tfjs-core';
import { diffLines } from 'diff';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { tensorsOf } from '../src/recognizer.ts';
import { FRAMES, FREQUENCIES, spokenTones } from '../src/spoken-tones.ts';

const source = (name: string): string => readFileSync(fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url)), 'utf8');
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nncf-foreign-'));
  // The package talks while it trains.
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  await useBackend({ quiet: true });
});
afterAll(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** Share of right answers of the exported file. */
async function accuracyOfFile(file: string): Promise<number> {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 });
  const { xs, ys } = tensorsOf(spokenTones(20, 2));
  const input = new ort.Tensor('float32', xs.dataSync() as Float32Array, [xs.shape[0]!, FRAMES, FREQUENCIES, 1]);
  const { [session.outputNames[0]!]: output } = await session.run({ [session.inputNames[0]!]: input });
  const answers = tf.tensor(output!.data as Float32Array, [...output!.dims]);
  return tf.mean(tf.cast(tf.equal(tf.argMax(answers, -1), tf.argMax(ys, -1)), 'float32')).dataSync()[0]!;
}

describe('training code of @tensorflow-models/speech-commands', () => {
  test('learns as it is', async () => {
    const { teach } = await import('../src/plain.ts');
    expect(await teach()).toBeGreaterThan(0.95);
  });

  test('learns with quantization in it, and the exported file knows the same', async () => {
    const { teach } = await import('../src/compressed.ts');
    const file = join(folder, 'tones.onnx');
    const accuracy = await teach(file);
    expect(accuracy).toBeGreaterThan(0.95);
    expect(await accuracyOfFile(file)).toBeCloseTo(accuracy, 2);
    expect(readFileSync(file).toString('latin1')).toContain('QuantizeLinear');
  });

  test('differs as the README shows', () => {
    const readme = readFileSync(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8');
    const shown = /```diff\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    const changes = diffLines(source('plain'), source('compressed')).flatMap(({ value, added, removed }) =>
      added || removed
        ? value
            .trimEnd()
            .split('\n')
            .map((line) => `${added ? '+' : '-'}${line}`)
        : [],
    );
    const found = shown.split('\n').filter((line) => /^[+-]/.test(line));
    expect(found).toEqual(changes);
  });
});

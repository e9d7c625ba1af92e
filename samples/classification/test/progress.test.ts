import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { progressFor } from '../src/progress.ts';
import { brokenPromises, demoReport, type DemoSummary } from '../src/demo/summary.ts';
import { toTable } from '../src/run/report.ts';

/** A stream that is no terminal, and what was written to it. */
function pipe(): { stream: NodeJS.WriteStream; text: () => string } {
  const through = new PassThrough();
  let written = '';
  through.on('data', (chunk: Buffer) => void (written += chunk.toString()));
  return { stream: Object.assign(through, { isTTY: false }) as PassThrough as NodeJS.WriteStream & PassThrough, text: () => written };
}

describe('progressFor', () => {
  test('away from a terminal: plain lines with loss, accuracy and time left', async () => {
    const { stream, text } = pipe();
    const bar = progressFor(stream, 0)('training');
    bar.update(1, 4, { loss: 0.5, accuracy: 0.875 });
    bar.update(4, 4, { loss: 0.25, accuracy: 0.9 });
    bar.stop();
    await new Promise((resolve) => setImmediate(resolve));
    const lines = text().trim().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^training +25% loss 0\.5000 accuracy 87\.50 % 0 s gone, 0 s left$/);
    expect(lines[1]).toContain('100% loss 0.2500 accuracy 90.00 %');
    expect(text()).not.toContain('\u001b');
  });

  test('lines keep their distance, and the last state is never lost', async () => {
    const { stream, text } = pipe();
    const bar = progressFor(stream, 60)('evaluation');
    for (let done = 1; done < 50; done++) bar.update(done, 100);
    bar.stop();
    await new Promise((resolve) => setImmediate(resolve));
    expect(text().trim().split('\n')).toHaveLength(1);
    expect(text()).toContain('49%');
  });
});

const kept: DemoSummary = {
  fp32Accuracy: 0.99,
  int8Accuracy: 0.989,
  onnxAccuracy: 0.9871,
  agreement: 0.995,
  fp32Bytes: 1000,
  int8Bytes: 300,
  backend: 'wasm',
  onnxFile: 'int8.onnx',
  fp32OnnxFile: 'fp32.onnx',
};

describe('the demo', () => {
  test('keeps its promises at their bounds', () => {
    expect(brokenPromises(kept)).toEqual([]);
  });

  test.each([
    [{ fp32Accuracy: 0.9849, onnxAccuracy: 0.9849 }, 'below 98.50 %'],
    [{ onnxAccuracy: 0.9869 }, 'more than 0.3 points'],
    [{ agreement: 0.9899 }, 'agree on 98.99 %'],
    [{ int8Bytes: 301 }, '0.301'],
  ])('says which promise %o breaks', (change, text) => {
    expect(brokenPromises({ ...kept, ...change })).toEqual([expect.stringContaining(text)]);
  });

  test('shows every figure in its table', () => {
    const table = toTable(demoReport(kept, { fp32Latency: 0.1, int8Latency: 0.05, fp32Speed: 2000.4, int8Speed: 1500 }));
    for (const text of ['99.00 %', '98.90 %', '98.71 %', '99.50 %', '1.0 kB', '0.3 kB', '0.100 ms', '0.050 ms', '2000/s', '1500/s'])
      expect(table).toContain(text);
  });
});

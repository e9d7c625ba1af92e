import { toTable } from '@nncf/sample-training';
import { describe, expect, test } from 'vitest';
import { brokenPromises, demoReport, type DemoSummary } from '../src/demo/summary.ts';

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

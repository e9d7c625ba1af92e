import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor4D, Variable } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useCpu } from './cpu.ts';
import { ExportFolder, exported, largestDifference, runOnnx, PEERS_TIMEOUT, preparePeers } from './export-case.ts';

/** Functional code around one operation. */
export interface OperationCase {
  readonly name: string;
  /** Sizes without the batch. */
  readonly shape: readonly number[];
  readonly call: (x: Tensor, variables: Record<string, Variable>) => Tensor | Tensor[];
  /** Shapes of the variables. */
  readonly variables?: Readonly<Record<string, readonly number[]>>;
  /** Inputs around zero by default, above it for logarithms and roots. */
  readonly positive?: boolean;
  readonly tolerance?: number;
  /** Why OpenVINO differs, where it does. */
  readonly openvinoDiffers?: string;
}

/** A tensor as the picture that it is. */
export const as4D = (x: Tensor): Tensor4D => x as Tensor4D;

const random = (shape: readonly number[], positive: boolean): Tensor =>
  positive ? tf.randomUniform([...shape], 0.2, 2) : tf.randomNormal([...shape], 0, 1);

/** Declares a test for every operation: the exported file in ONNX Runtime, OpenVINO and onnx.checker against TensorFlow.js. */
export function describeOperations(what: string, cases: readonly OperationCase[]): void {
  const folder = new ExportFolder();
  describe(`${what}: the file gives what TensorFlow.js gives`, () => {
    beforeAll(useCpu);
    it.each(cases)('$name', (operation) => checkOperation(operation, folder));
    beforeAll(preparePeers, PEERS_TIMEOUT);
    afterAll(() => folder.remove());

    it('and onnx.checker accepts it, and OpenVINO agrees', () => {
      const reports = folder.check();
      const odd = new Set(cases.filter(({ openvinoDiffers }) => openvinoDiffers !== undefined).map(({ name }) => name));
      expect(reports.filter(({ checker }) => checker !== null)).toEqual([]);
      const differing = reports.filter(({ openvino }) => typeof openvino === 'string' || openvino > 1e-4);
      expect(differing.filter(({ name }) => !odd.has(name))).toEqual([]);
      expect(reports.length).toBe(cases.length);
    });
  });
}

async function checkOperation(operation: OperationCase, folder: ExportFolder): Promise<void> {
  const { name, shape, call, variables = {}, positive = false, tolerance = 2e-5 } = operation;
  const live = Object.fromEntries(Object.entries(variables).map(([key, size]) => [key, tf.variable(random(size, positive))]));
  const model = { variables: live, call: (x: Tensor) => call(x, live) };
  const bytes = exported(model, {}, [{ sample_size: [1, ...shape] }]);
  for (const batch of [3, 1]) {
    const x = random([batch, ...shape], positive);
    const expected = [call(x, live)].flat();
    expect(largestDifference(await runOnnx(bytes, [x]), expected)).toBeLessThan(tolerance);
    if (batch === 1) folder.keep(name, bytes, [x], expected);
  }
}

import { createCompressionAlgorithm, registerAlgorithm, registerExporter, registerOnnxOperator } from '@nncf/core';
import { onnxExporter } from '@nncf/onnx-exporter';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import * as ort from 'onnxruntime-node';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fakeQuantizeMapping } from '../src/onnx.ts';
import { quantization } from '../src/quantization.ts';

let folder = '';
beforeAll(() => {
  registerAlgorithm(quantization);
  registerExporter(onnxExporter);
  registerOnnxOperator(fakeQuantizeMapping);
  folder = mkdtempSync(join(tmpdir(), 'nncf-requantization-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SECTION = {
  algorithm: 'quantization',
  quantizer_propagation_rule: 'MERGE_WITH_POTENTIAL_REQUANTIZATION',
  scope_overrides: { activations: { coarse: { bits: 3 } } },
};

/** A ReLU that one dense layer reads in 8 bits and another in 3. */
function fork(): tfl.LayersModel {
  const dense = (name: string, seed: number): tfl.layers.Layer =>
    tfl.layers.dense({ name, units: 5, kernelInitializer: tfl.initializers.heNormal({ seed }) });
  const input = tfl.input({ shape: [5], name: 'x' });
  const y = tfl.layers.reLU({ name: 'relu' }).apply(dense('stem', 1).apply(input)) as tfl.SymbolicTensor;
  const outputs = [dense('fine', 2).apply(y), dense('coarse', 3).apply(y)] as tfl.SymbolicTensor[];
  return tfl.model({ inputs: input, outputs });
}

describeBackends('a tensor that is rounded twice', (backend) => {
  it('has a coarse grid within the fine one, learns at both, and is the same in the file', async () => {
    const model = fork();
    const x = tf.randomUniform([64, 5], -1, 1, 'float32', 3);
    const algo = await createCompressionAlgorithm(model, { compression: SECTION });
    expect(algo.plan.commands.filter(({ target }) => target === 'activation').map(({ points }) => points)).toEqual([
      [{ node: 'stem/MatMul_0', port: 0 }],
      [{ node: 'relu/Relu_0', port: 0, side: 'result' }],
      [{ node: 'coarse/MatMul_0', port: 0 }],
    ]);
    await algo.initialize([x]);
    const variables = algo.parameters.map(({ variable }) => variable).filter(({ rank }) => rank === 0);
    const loss = (): tf.Scalar => tf.addN((model.apply(x) as tf.Tensor[]).map((y) => tf.sum(tf.square(y)))) as tf.Scalar;
    const { grads } = tf.variableGrads(loss, variables);
    expect(Object.values(grads).every((grad) => (grad.dataSync()[0] ?? 0) !== 0)).toBe(true);
    const expected = (model.predict(x) as tf.Tensor[]).map((y) => y.dataSync());
    const file = join(folder, `${backend}.onnx`);
    await algo.exportModel(file);
    const session = await ort.InferenceSession.create(file);
    const results = await session.run({
      [session.inputNames[0] as string]: new ort.Tensor('float32', Float32Array.from(x.dataSync()), x.shape),
    });
    session.outputNames.forEach((name, output) => {
      const actual = results[name]?.data as Float32Array;
      const largest = Math.max(...Array.from(expected[output] ?? [], (value, i) => Math.abs(value - (actual[i] ?? Number.NaN))));
      expect(largest).toBeLessThan(1e-4);
    });
    algo.remove();
  });
});

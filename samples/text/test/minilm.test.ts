import { existsSync } from 'node:fs';
import { useBackend } from '@nncf/backend';
import { bertEncoder, bertMiniLmL3, loadWeights } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import onnxProto from 'onnx-proto';
import * as ort from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { bertWeightsOfOnnx } from '../src/weights/bert-onnx.ts';
import { miniLmFiles } from '../src/weights/minilm.ts';

beforeAll(async () => {
  await useBackend({ quiet: true });
});

/** An ONNX file with the given tensors of zeros, each kernel read by a product. */
function file(tensors: Record<string, number[]>, products: Record<string, string>, dataType = 1): Uint8Array {
  const initializer = Object.entries(tensors).map(([name, dims]) => ({
    name,
    dims,
    dataType,
    rawData: new Uint8Array(Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => i).buffer),
  }));
  const node = Object.entries(products).map(([kernel, output]) => ({ opType: 'MatMul', input: ['x', kernel], output: [output] }));
  const model = onnxProto.onnx.ModelProto.create({ irVersion: 8, graph: { name: 'bert', initializer, node } });
  return onnxProto.onnx.ModelProto.encode(model).finish();
}

describe('weights of an exported BERT', () => {
  it('get the names of the zoo, kernels by the products that read them', () => {
    const tensors = {
      'm.bert.embeddings.word_embeddings.weight': [3, 2],
      'm.bert.embeddings.LayerNorm.weight': [2],
      'm.bert.embeddings.LayerNorm.bias': [2],
      'm.bert.encoder.layer.0.output.dense.bias': [2],
      'onnx::MatMul_7': [2, 2],
      'onnx::MatMul_8': [2, 2],
      'pooling.scale': [1],
    };
    const products = {
      'onnx::MatMul_7': '/model/m/bert/encoder/layer.0/attention/self/query/MatMul_output_0',
      'onnx::MatMul_8': '/head/MatMul_output_0',
    };
    const weights = new Map(bertWeightsOfOnnx(file(tensors, products), 'm.bert', 'x.onnx'));
    expect([...weights.keys()]).toEqual([
      'embeddings.word_embeddings.embeddings',
      'embeddings.LayerNorm.gamma',
      'embeddings.LayerNorm.beta',
      'encoder.layer.0.output.dense.bias',
      'encoder.layer.0.attention.self.query.kernel',
    ]);
    expect(weights.get('embeddings.word_embeddings.embeddings')).toEqual({
      dtype: 'F32',
      shape: [3, 2],
      data: Float32Array.of(0, 1, 2, 3, 4, 5),
    });
  });

  it('must be 32-bit floats in an ONNX file', () => {
    const halves = file({ 'm.bert.embeddings.LayerNorm.bias': [2] }, {}, 10);
    expect(() => bertWeightsOfOnnx(halves, 'm.bert', 'half.onnx')).toThrow(
      /half\.onnx: m\.bert\.embeddings\.LayerNorm\.bias does not hold/,
    );
    expect(() => bertWeightsOfOnnx(Uint8Array.of(255, 255), 'm.bert', 'text.onnx')).toThrow(/text\.onnx: it is no ONNX model/);
  });
});

describe('paraphrase-MiniLM-L3-v2', () => {
  const { onnx, safetensors } = miniLmFiles();
  const present = existsSync(onnx) && existsSync(safetensors);

  it.skipIf(!present)('gives the vectors of the original in ONNX Runtime (needs `text data fetch paraphrase-MiniLM-L3-v2`)', async () => {
    const ids = [101, 2023, 2003, 1037, 6919, 3185, 102, 0, 0, 101, 7592, 102, 0, 0, 0, 0, 0, 0];
    const mask = ids.map((id) => Number(id > 0));
    const session = await ort.InferenceSession.create(onnx, { logSeverityLevel: 3 });
    const feed = (values: number[]): ort.Tensor => new ort.Tensor('int64', BigInt64Array.from(values, BigInt), [2, 9]);
    const results = await session.run({ input_ids: feed(ids), attention_mask: feed(mask) });
    const [vectors] = Object.values(results).filter(({ dims }) => dims.length === 3);
    await session.release();
    const model = bertMiniLmL3({ length: 9, initial: 'zeros' });
    const encoder = bertEncoder(model);
    await loadWeights(encoder, safetensors);
    const whole = (values: number[]): tf.Tensor => tf.tensor2d(values, [2, 9], 'int32');
    const y = encoder.predict([whole(ids), whole(mask), tf.zeros([2, 9], 'int32')]) as tf.Tensor;
    expect(y.shape).toEqual(vectors!.dims);
    const [ours, theirs] = [await y.data(), vectors!.data as Float32Array];
    expect(Math.max(...ours.map((value, i) => Math.abs(value - theirs[i]!)))).toBeLessThan(1e-4);
    model.dispose();
  });
});

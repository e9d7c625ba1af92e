import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor3D, Variable } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useCpu } from './support/cpu.ts';
import { ExportFolder, exported, largestDifference, operations, runOnnx, PEERS_TIMEOUT, preparePeers } from './support/export-case.ts';

const [VOCABULARY, TOKENS, WIDTH, HEADS] = [11, 6, 8, 2];

const variable = (...shape: number[]): Variable => tf.variable(tf.randomNormal(shape, 0, 0.5));

function parameters(): Record<string, Variable> {
  return {
    words: variable(VOCABULARY, WIDTH),
    places: variable(TOKENS, WIDTH),
    query: variable(WIDTH, WIDTH),
    key: variable(WIDTH, WIDTH),
    value: variable(WIDTH, WIDTH),
    join: variable(WIDTH, WIDTH),
    wide: variable(WIDTH, 4 * WIDTH),
    narrow: variable(4 * WIDTH, WIDTH),
    bias: variable(WIDTH),
    gamma: variable(WIDTH),
    beta: variable(WIDTH),
    head: variable(WIDTH, 3),
  };
}

type Parameters = ReturnType<typeof parameters>;

function layerNorm(x: Tensor, { gamma, beta }: Parameters): Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  const normal = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5)));
  return tf.add(tf.mul(normal, gamma as Variable), beta as Variable);
}

/** A dense layer over the last axis of a sequence, as tfjs-layers has it. */
function dense(x: Tensor, w: Variable | undefined, bias?: Variable): Tensor {
  const [batch = 1, tokens = 1, width = 1] = x.shape;
  const rows = tf.matMul(tf.reshape(x, [-1, width]), w as Variable);
  const out = tf.reshape(rows, [batch, tokens, (w as Variable).shape[1] ?? 1]);
  return bias === undefined ? out : tf.add(out, bias);
}

function attention(x: Tensor, weights: Parameters): Tensor {
  const batch = x.shape[0] ?? 1;
  const heads = (w: Variable | undefined): Tensor =>
    tf.transpose(tf.reshape(dense(x, w, weights['bias']), [batch, TOKENS, HEADS, WIDTH / HEADS]), [0, 2, 1, 3]);
  const scores = tf.div(tf.matMul(heads(weights['query']), heads(weights['key']), false, true), Math.sqrt(WIDTH / HEADS));
  const mixed = tf.matMul(tf.softmax(scores), heads(weights['value']));
  return dense(tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, TOKENS, WIDTH]), weights['join']);
}

const gelu = (x: Tensor): Tensor => tf.mul(x, tf.mul(0.5, tf.add(1, tf.erf(tf.div(x, Math.SQRT2)))));

function transformer(tokens: Tensor, weights: Parameters): Tensor {
  const embedded = tf.add(tf.gather(weights['words'] as Variable, tokens), weights['places'] as Variable);
  const x = layerNorm(embedded, weights);
  const attended = layerNorm(tf.add(x, attention(x, weights)), weights);
  const thought = layerNorm(tf.add(attended, dense(gelu(dense(attended, weights['wide'])), weights['narrow'])), weights);
  const first = tf.squeeze(tf.slice(thought as Tensor3D, [0, 0, 0], [-1, 1, WIDTH]), [1]);
  return tf.matMul(tf.tanh(first), weights['head'] as Variable);
}

describe('a transformer', () => {
  const folder = new ExportFolder();
  beforeAll(useCpu);
  beforeAll(preparePeers, PEERS_TIMEOUT);
  afterAll(() => folder.remove());
  const build = (): { weights: Parameters; bytes: Uint8Array } => {
    const weights = parameters();
    const model = { variables: weights, call: (x: Tensor) => transformer(x, weights) };
    return { weights, bytes: exported(model, {}, [{ sample_size: [1, TOKENS], type: 'long' }]) };
  };

  it('computes the same from whole numbers', async () => {
    const { weights, bytes } = build();
    for (const batch of [3, 1]) {
      const tokens = tf.cast(tf.floor(tf.randomUniform([batch, TOKENS], 0, VOCABULARY)), 'int32');
      const expected = [transformer(tokens, weights)];
      expect(largestDifference(await runOnnx(bytes, [tokens]), expected)).toBeLessThan(2e-5);
      folder.keep('transformer', bytes, [tokens], expected);
    }
    const reports = folder.check();
    expect(reports.map(({ checker }) => checker)).toEqual([null, null]);
    expect(Math.max(...reports.map(({ openvino }) => Number(openvino)))).toBeLessThan(1e-4);
  });

  it('has one normalization for each, one product for each dense layer, and no more transposes than heads need', () => {
    const counts = operations(build().bytes);
    expect(counts).toMatchObject({ LayerNormalization: 3, Gemm: 7, MatMul: 2, Transpose: 4 });
    expect(counts['ReduceMean']).toBeUndefined();
  });
});

import { useBackend } from '@nncf/backend';
import { traceModel } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  bert,
  bertBase,
  bertEncoder,
  bertMiniLmL3,
  bertTiny,
  countMultiplyAdds,
  countTrainable,
  weightNames,
  type BertOptions,
} from '../src/index.ts';
import { attentionContext, attentionMask, attentionScores, gelu, layerNorm, seededDropout } from '../src/bert/layers.ts';

const zeros = { initial: 'zeros', head: 'none' } as const;
const small = { layers: 1, width: 8, heads: 2, vocabulary: 11, positions: 6, length: 5, dropout: 0 } as const;

beforeAll(async () => {
  await useBackend({ quiet: true });
});

/** Token ids, a mask that hides the second text's last tokens, and kinds of tokens. */
function inputs(): tf.Tensor[] {
  const rows = [
    [1, 4, 2, 0, 0, 1, 7, 3, 9, 2],
    [1, 1, 1, 0, 0, 1, 1, 1, 1, 1],
    [0, 0, 0, 0, 0, 0, 0, 1, 1, 1],
  ];
  return rows.map((row) => tf.tensor2d(row, [2, 5], 'int32'));
}

function values(x: tf.Tensor | tf.Tensor[]): number[] {
  return [x].flat().flatMap((each) => [...each.dataSync()]);
}

describe('parameters', () => {
  const count = (build: (options: BertOptions) => tfl.LayersModel, options: BertOptions = {}): number => {
    const model = build({ ...zeros, ...options });
    const parameters = countTrainable(model);
    model.dispose();
    return parameters;
  };

  /** Tables and their normalization; per layer four dense layers of attention, two others and two normalizations; the pooler. */
  const byHand = (layers: number, width: number): number => {
    const dense = (from: number, to: number): number => from * to + to;
    const norm = 2 * width;
    const layer = 4 * dense(width, width) + dense(width, 4 * width) + dense(4 * width, width) + 2 * norm;
    return (30_522 + 512 + 2) * width + norm + layers * layer + dense(width, width);
  };

  it('are those of the publications', () => {
    expect(byHand(12, 768)).toBe(109_482_240);
    expect(byHand(24, 1024)).toBe(335_141_888);
    expect(byHand(2, 128)).toBe(4_385_920);
    expect(byHand(3, 384)).toBe(17_389_824);
    expect(count(bertTiny)).toBe(byHand(2, 128));
    expect(count(bertMiniLmL3)).toBe(byHand(3, 384));
    // Base without its tables and with two of its layers: the rest is more of the same.
    const [one, two] = [1, 2].map((layers) => count(bertBase, { layers, vocabulary: 10, positions: 20 })) as [number, number];
    expect(two + 10 * (two - one) + (30_512 + 492) * 768).toBe(109_482_240);
  });

  it('of BERT-base are multiplied 11.2 thousand million times for 128 word pieces', () => {
    const counted = (layers: number): number => {
      const model = bertBase({ ...zeros, layers, vocabulary: 10, positions: 128 });
      const multiplyAdds = countMultiplyAdds(model);
      model.dispose();
      return multiplyAdds;
    };
    const [none, one] = [counted(0), counted(1)];
    expect(none).toBe(768 * 768);
    expect(one - none).toBe(128 * (4 * 768 * 768 + 2 * 768 * 3072) + 2 * 128 * 128 * 768);
    // Sun et al. 2020 (arXiv 2004.02984, table 4) count 22.5e9 operations, two for each multiply-add.
    expect((2 * (none + 12 * (one - none))) / 1e9).toBeCloseTo(22.35, 2);
  });

  it('of the heads come on top', () => {
    const plain = count(bert, small);
    expect(count(bert, { ...small, head: 'classification', classes: 3 }) - plain).toBe(8 * 3 + 3);
    expect(count(bert, { ...small, head: 'answer' })).toBe(plain - (8 * 8 + 8) + 8 * 2 + 2);
  });
});

describe('layers', () => {
  const run = (layer: tfl.layers.Layer, x: tf.Tensor | tf.Tensor[]): tf.Tensor => layer.apply(x) as tf.Tensor;

  it('GELU and its slope are those of the table', () => {
    const x = tf.tensor1d([-3, -1, 0, 0.5, 1, 2]);
    const layer = gelu({ name: 'gelu' });
    // x · Φ(x) and Φ(x) + x · φ(x), from tables of the normal distribution.
    const expected = [-0.00405, -0.158655, 0, 0.345731, 0.841345, 1.9545];
    expected.forEach((value, i) => expect(values(run(layer, x))[i]).toBeCloseTo(value, 4));
    const slopes = values(tf.grad((y) => run(layer, y))(x));
    [-0.01195, -0.08332, 0.5, 0.86749, 1.08332, 1.08523].forEach((value, i) => expect(slopes[i]).toBeCloseTo(value, 3));
  });

  it('layer normalization has mean β and deviation γ', () => {
    const layer = layerNorm({ name: 'norm', epsilon: 1e-12 });
    const x = tf.tensor3d([1, 2, 3, 6, -4, 0, 0, 4], [1, 2, 4]);
    run(layer, x);
    layer.setWeights([tf.fill([4], 2), tf.fill([4], 5)]);
    const root = Math.sqrt(3.5);
    const first = [-2, -1, 0, 3].map((each) => 5 + (2 * each) / root);
    const second = [-4, 0, 0, 4].map((each) => 5 + (2 * each) / Math.sqrt(8));
    [...first, ...second].forEach((value, i) => expect(values(run(layer, x))[i]).toBeCloseTo(value, 4));
  });

  it('attention of one head is the formula, and does not see padding', () => {
    const [query, key] = [tf.tensor3d([1, 0, 0, 2], [1, 2, 2]), tf.tensor3d([3, 0, 0, 1], [1, 2, 2])];
    const [all, none] = [tf.tensor2d([[1, 1]], undefined, 'int32'), tf.tensor2d([[1, 0]], undefined, 'int32')];
    const scores = attentionScores({ name: 'scores', heads: 1 });
    const mask = attentionMask({ name: 'mask' });
    const weights = values(run(scores, [query, key, run(mask, all)]));
    const share = (a: number, b: number): number => 1 / (1 + Math.exp((b - a) / Math.SQRT2));
    [share(3, 0), share(0, 3), share(0, 2), share(2, 0)].forEach((value, i) => expect(weights[i]).toBeCloseTo(value, 5));
    expect(values(run(scores, [query, key, run(mask, none)]))).toEqual([1, 0, 1, 0]);
  });

  it('attention of two heads is each head alone', () => {
    const [query, key, value] = [1, 2, 3].map((seed) => tf.randomNormal([2, 3, 4], 0, 1, 'float32', seed)) as [
      tf.Tensor3D,
      tf.Tensor3D,
      tf.Tensor3D,
    ];
    const mask = tf.zeros([2, 1, 1, 3]);
    const attend = (heads: number, [q, k, v]: readonly tf.Tensor[]): tf.Tensor => {
      const weights = run(attentionScores({ heads }), [q!, k!, mask]);
      return run(attentionContext({ heads }), [weights, v!]);
    };
    const half = (at: number): tf.Tensor =>
      attend(
        1,
        [query, key, value].map((x) => tf.slice(x, [0, 0, at], [-1, -1, 2])),
      );
    const [both, apart] = [attend(2, [query, key, value]), tf.concat([half(0), half(2)], 2)].map(values) as [number[], number[]];
    both.forEach((each, i) => expect(each).toBeCloseTo(apart[i]!, 5));
  });

  it('dropout draws anew at every call, the same for every copy, and does nothing in prediction', () => {
    const [a, b] = [3, 3].map((seed) => seededDropout({ rate: 0.25, seed })) as [tfl.layers.Layer, tfl.layers.Layer];
    const x = tf.ones([40, 50]);
    const train = (layer: tfl.layers.Layer): number[] => values(layer.apply(x, { training: true }) as tf.Tensor);
    const draws = [train(a), train(a)];
    expect(draws[0]).not.toEqual(draws[1]);
    expect([train(b), train(b)]).toEqual(draws);
    const kept = draws[0]!.filter((each) => each !== 0);
    expect(Math.abs(kept.length / 2000 - 0.75)).toBeLessThan(0.04);
    kept.forEach((each) => expect(each).toBeCloseTo(4 / 3, 5));
    expect(values(a.apply(x) as tf.Tensor)).toEqual(values(x));
  });
});

describe('BERT', () => {
  it('gives logits of classes, of ends of answers, or vectors', () => {
    const shapes = (head: 'classification' | 'answer' | 'none'): number[][] =>
      [bert({ ...small, head, classes: 3 }).predict(inputs())].flat().map(({ shape }) => shape);
    expect([shapes('classification'), shapes('answer'), shapes('none')]).toEqual([
      [[2, 3]],
      [
        [2, 5],
        [2, 5],
      ],
      [
        [2, 5, 8],
        [2, 8],
      ],
    ]);
  });

  it('does not depend on what is behind the mask', () => {
    const model = bert({ ...small, seed: 1 });
    model.setWeights(model.getWeights().map((weight) => (weight.rank > 1 ? tf.mul(weight, 30) : weight)));
    const [ids, mask, types] = inputs() as [tf.Tensor, tf.Tensor, tf.Tensor];
    const other = tf.tensor2d([1, 4, 2, 8, 10, 1, 7, 3, 9, 2], [2, 5], 'int32');
    const [a, b] = [ids, other].map((x) => values(model.predict([x, mask, types]) as tf.Tensor)) as [number[], number[]];
    a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, 5));
    const unmasked = values(model.predict([other, tf.onesLike(mask), types]) as tf.Tensor);
    expect(Math.abs(unmasked[0]! - a[0]!)).toBeGreaterThan(1e-2);
  });

  it('of an open length takes any, and gives the same as one of that length', () => {
    const [open, fixed] = [bert({ ...small, length: null, seed: 2 }), bert({ ...small, seed: 2 })];
    expect(values(open.predict(inputs()) as tf.Tensor)).toEqual(values(fixed.predict(inputs()) as tf.Tensor));
    const short = inputs().map((x) => tf.slice(x as tf.Tensor2D, [0, 0], [2, 3]));
    expect((open.predict(short) as tf.Tensor).shape).toEqual([2, 2]);
  });

  it('shares its encoder, whose weights have the published names', () => {
    const model = bert(small);
    const encoder = bertEncoder(model);
    expect(weightNames(encoder)).toHaveLength(3 + 2 + 16);
    expect(weightNames(encoder)).toContain('encoder.layer.0.attention.self.query.kernel');
    encoder.setWeights(encoder.getWeights().map(tf.onesLike));
    expect(values(model.getLayer('encoder.layer.0.output.dense').getWeights()[1]!)).toEqual(Array(8).fill(1));
  });

  it('comes back from its own description', async () => {
    const model = bert({ ...small, dropout: 0.1, head: 'answer' });
    const handler = tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    });
    let saved: tf.io.ModelArtifacts = {};
    await model.save(handler);
    const copy = await tfl.loadLayersModel(tf.io.fromMemory(saved));
    expect(values(copy.predict(inputs()) as tf.Tensor[])).toEqual(values(model.predict(inputs()) as tf.Tensor[]));
  });

  it('is traced', () => {
    const { graph } = traceModel(bert(small));
    const ops = graph.nodes.map(({ op }) => op);
    expect(ops.filter((op) => op === 'MatMul')).toHaveLength(6 + 2 + 2);
    expect(ops.filter((op) => ['GatherV2', 'Erf', 'Softmax', 'Tanh'].includes(op))).toEqual([
      'GatherV2',
      'GatherV2',
      'Softmax',
      'Erf',
      'Tanh',
    ]);
  });
});

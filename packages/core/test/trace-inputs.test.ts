import { createCompressionAlgorithm, NncfError, registerAlgorithm, traceModel, type InputInfo, type ModelGraph } from '@nncf/core';
import { fakeAlgorithm, type FakeLog } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { expect, it, vi } from 'vitest';

const log: FakeLog = { applied: [] };
registerAlgorithm(fakeAlgorithm('fake', log));

type Symbolic = tfl.SymbolicTensor;
/** An initializer that needs no chained methods of tensors, which a lean program does not have. */
const PLAIN = { recurrentInitializer: 'glorotNormal' } as const;
const ops = (graph: ModelGraph): string[] => graph.nodes.map((node) => node.op);
const inputs = (graph: ModelGraph): unknown[] =>
  graph.inputs.map((id) => [graph.values[id]?.name, graph.values[id]?.dtype, graph.values[id]?.shape]);
const failure = (f: () => unknown): NncfError => {
  try {
    f();
  } catch (error) {
    if (error instanceof NncfError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};
/** What a functional model is fed by a trace. */
const fed = (info: InputInfo): { dtype: string; values: number[] } => {
  let seen = { dtype: '', values: [] as number[] };
  const call = (x: tf.Tensor): tf.Tensor => ((seen = { dtype: x.dtype, values: [...x.dataSync()] }), tf.cast(x, 'float32'));
  traceModel({ variables: {}, call }, [info]);
  return seen;
};

/** Adds a large negative number where the mask is 0. */
class MaskScores extends tfl.layers.Layer {
  static readonly className = 'MaskScores';
  override call(x: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const [scores, mask] = x as [tf.Tensor, tf.Tensor];
      return tf.add(scores, tf.mul(tf.expandDims(tf.sub(1, tf.cast(mask, 'float32')), 1), -1e4));
    });
  }
  override computeOutputShape(shapes: tfl.Shape[]): tfl.Shape {
    return shapes[0] as never;
  }
}

/** One layer of attention over token and segment embeddings, with a mask. */
function bertLike(dtype: 'int32' | 'float32', length: number | null): tfl.LayersModel {
  const [ids, segments, mask] = ['ids', 'segments', 'mask'].map((name) => tfl.input({ shape: [length], dtype, name })) as [
    Symbolic,
    Symbolic,
    Symbolic,
  ];
  const embed = (name: string, inputDim: number, x: Symbolic): Symbolic =>
    tfl.layers.embedding({ inputDim, outputDim: 8, name }).apply(x) as Symbolic;
  const dense = (name: string, x: Symbolic): Symbolic => tfl.layers.dense({ units: 8, name }).apply(x) as Symbolic;
  const x = tfl.layers.add().apply([embed('tokens', 30, ids), embed('kinds', 2, segments)]) as Symbolic;
  const scores = tfl.layers.dot({ axes: [2, 2] }).apply([dense('query', x), dense('key', x)]) as Symbolic;
  const masked = new MaskScores({ name: 'masking' }).apply([scores, mask]) as Symbolic;
  const attention = tfl.layers.softmax({ axis: 2 }).apply(masked) as Symbolic;
  const context = tfl.layers.dot({ axes: [2, 1], name: 'context' }).apply([attention, dense('value', x)]) as Symbolic;
  return tfl.model({ inputs: [ids, segments, mask], outputs: dense('out', context), name: 'bert' });
}

describeBackends('a trace feeds', () => {
  it('what type and filler of input_info say', () => {
    const size = { sample_size: [1, 16] };
    expect(fed({ ...size, type: 'long' })).toEqual({ dtype: 'int32', values: Array(48).fill(0) });
    expect(fed({ ...size, type: 'int32', filler: 'ones' })).toEqual({ dtype: 'int32', values: Array(48).fill(1) });
    expect(fed({ ...size, filler: 'zeros' })).toEqual({ dtype: 'float32', values: Array(48).fill(0) });
    const whole = fed({ ...size, type: 'long', filler: 'random' });
    expect([whole.dtype, [...new Set(whole.values)].toSorted()]).toEqual(['int32', [0, 1]]);
    const real = fed({ ...size, type: 'float32' });
    expect([real.dtype, new Set(real.values).size > 40]).toEqual(['float32', true]);
  });

  it('indices to an Embedding, which TensorFlow.js declares as float32', () => {
    const embedding = (): tfl.layers.Layer => tfl.layers.embedding({ inputDim: 5, outputDim: 3, inputLength: 4, name: 'table' });
    const direct = tfl.sequential({ layers: [embedding(), tfl.layers.flatten(), tfl.layers.dense({ units: 2 })] });
    const behind = tfl.sequential({ layers: [tfl.layers.reshape({ targetShape: [4], inputShape: [2, 2] }), embedding()] });
    const nested = tfl.sequential({ layers: [tfl.sequential({ layers: [embedding()] }), tfl.layers.flatten()] });
    for (const model of [direct, behind, nested]) expect(ops(traceModel(model).graph)).toContain('GatherV2');
    expect(ops(traceModel(direct, [{ sample_size: [1, 4], type: 'long', filler: 'random' }]).graph)).toContain('GatherV2');
  });
});

describeBackends('a model of words', () => {
  it.each(['int32', 'float32'] as const)('of token ids, segment ids and a mask of %s is compressed', async (dtype) => {
    const model = bertLike(dtype, 6);
    const ids = tf.tensor2d([[1, 5, 29, 7, 0, 0]], undefined, dtype);
    const xs = [ids, tf.zerosLike(ids), tf.tensor2d([[1, 1, 1, 1, 0, 0]], undefined, dtype)];
    const before = [...(model.predict(xs) as tf.Tensor).dataSync()];
    const algo = await createCompressionAlgorithm(model, { compression: { algorithm: 'fake' } });
    expect(inputs(algo.graph)).toEqual(['ids', 'segments', 'mask'].map((name) => [name, dtype, [null, 6]]));
    log.applied.length = 0;
    expect([...(model.predict(xs) as tf.Tensor).dataSync()]).toEqual(before);
    expect(log.applied).toHaveLength(8);
    algo.remove();
  });

  it('takes an open length from input_info, by the names of the inputs or in their order', () => {
    const entry = (keyword: string): InputInfo => ({ sample_size: [1, 9], type: 'long', keyword });
    const named = traceModel(bertLike('float32', null), ['mask', 'segments', 'ids'].map(entry)).graph;
    expect(inputs(named)).toEqual(['ids', 'segments', 'mask'].map((name) => [name, 'int32', [null, 9]]));
    const ordered = traceModel(bertLike('int32', null), Array<InputInfo>(3).fill({ sample_size: [1, 7] })).graph;
    expect(inputs(ordered)).toEqual(['ids', 'segments', 'mask'].map((name) => [name, 'int32', [null, 7]]));
  });

  it('says which input leaves its length open, and which entry is one too many', () => {
    const open = failure(() => traceModel(bertLike('int32', null), [{ sample_size: [1, 9] }]));
    expect([open.code, open.message]).toEqual(['INPUT_UNKNOWN', expect.stringContaining('"segments" leaves sizes open: [?, ?]')]);
    expect(open.hint).toContain('"sample_size": [1, 128], "keyword": "segments"');
    const many = failure(() => traceModel(bertLike('int32', 6), Array<InputInfo>(4).fill({ sample_size: [1, 6] })));
    expect([many.code, many.message]).toEqual(['CONFIG_INVALID', expect.stringMatching(/its inputs are ids, segments, mask/u)]);
    const other = failure(() => traceModel(bertLike('int32', 6), [{ sample_size: [1, 6] }, { sample_size: [1, 7] }]));
    expect(other.message).toContain('/input_info/1 gives [1, 7] for the input "segments", which is [?, 6]');
  });
});

describeBackends('a recurrent model', () => {
  const open = (): tfl.LayersModel =>
    tfl.sequential({
      layers: [tfl.layers.lstm({ units: 3, inputShape: [null, 2], name: 'lstm', ...PLAIN }), tfl.layers.dense({ units: 1 })],
    });

  it('of open length is traced at the length of input_info', () => {
    expect(failure(() => traceModel(open())).hint).toContain('"sample_size": [1, 128, 2]');
    const { graph } = traceModel(open(), [{ sample_size: [1, 4, 2] }]);
    expect(inputs(graph)).toEqual([[expect.any(String), 'float32', [null, 4, 2]]]);
    // Two products a step, of the input and of the state, and the dense layer's.
    expect(ops(graph).filter((op) => op === 'MatMul')).toHaveLength(9);
  });

  it('that gets a sequence of another length says so', async () => {
    const model = open();
    const info = { input_info: { sample_size: [1, 4, 2] } };
    const algo = await createCompressionAlgorithm(model, { ...info, compression: { algorithm: 'fake', factor: 0.5 } });
    const whole = [...(model.predict(tf.ones([1, 4, 2])) as tf.Tensor).dataSync()];
    for (const length of [3, 5]) {
      expect(failure(() => model.predict(tf.ones([1, length, 2]))).message).toMatch(
        new RegExp(`"lstm" uses its weights at every step\\. It ran ${2 * length} MatMul where 8 were traced`, 'u'),
      );
    }
    expect([...(model.predict(tf.ones([1, 4, 2])) as tf.Tensor).dataSync()]).toEqual(whole);
    algo.remove();
  });

  it('that masks its padding is traced', () => {
    const layers = [
      tfl.layers.embedding({ inputDim: 9, outputDim: 2, maskZero: true, inputLength: 3 }),
      tfl.layers.gru({ units: 2, resetAfter: false, ...PLAIN } as never),
    ];
    expect(ops(traceModel(tfl.sequential({ layers })).graph).filter((op) => op === 'MatMul').length).toBeGreaterThanOrEqual(6);
  });
});

describeBackends('a model made for one batch size', () => {
  it('is traced at that size, without a warning', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const model = tfl.sequential({
      layers: [tfl.layers.dense({ units: 3, batchInputShape: [4, 2], name: 'one' }), tfl.layers.dense({ units: 1, name: 'two' })],
    });
    const { graph } = traceModel(model);
    expect(warn.mock.calls).toEqual([]);
    warn.mockRestore();
    expect(graph.traceBatch).toBe(4);
    expect(graph.values.filter((value) => value.kind !== 'variable').map((value) => value.shape[0])).toEqual([4, 4, 4, 4, 4]);
  });

  it('of one is traced at any size all the same', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const model = tfl.sequential({ layers: [tfl.layers.dense({ units: 3, batchInputShape: [1, 2], name: 'one' })] });
    const { graph } = traceModel(model);
    expect(warn.mock.calls).toEqual([]);
    warn.mockRestore();
    expect(graph.values[graph.outputs[0] ?? -1]?.shape).toEqual([null, 3]);
    expect(model.layers[0]?.batchInputShape).toEqual([1, 2]);
  });

  it.each([1, 3])('keeps its state, batch %i', (batch) => {
    const layer = tfl.layers.simpleRNN({ units: 2, stateful: true, ...PLAIN, batchInputShape: [batch, 2, 2], name: 'rnn' });
    const model = tfl.sequential({ layers: [layer] });
    const x = tf.ones([batch, 2, 2]);
    const first = [...(model.predict(x, { batchSize: batch }) as tf.Tensor).dataSync()];
    const second = [...(model.predict(x, { batchSize: batch }) as tf.Tensor).dataSync()];
    model.resetStates();
    expect([...(model.predict(x, { batchSize: batch }) as tf.Tensor).dataSync()]).toEqual(first);
    const tensors = tf.memory().numTensors;
    expect(traceModel(model).graph.traceBatch).toBe(batch);
    expect(tf.memory().numTensors).toBe(tensors);
    expect([...(model.predict(x, { batchSize: batch }) as tf.Tensor).dataSync()]).toEqual(second);
  });

  it('may have a single row beside inputs of any batch', () => {
    const [a, b] = [tfl.input({ shape: [2], name: 'a' }), tfl.input({ batchShape: [1, 2], name: 'b' })];
    const model = tfl.model({ inputs: [a, b], outputs: tfl.layers.add().apply([a, b]) as Symbolic });
    expect(inputs(traceModel(model).graph)).toEqual([
      ['a', 'float32', [null, 2]],
      ['b', 'float32', [1, 2]],
    ]);
  });
});

describeBackends('a model that cannot run', () => {
  it('is named with the layer that throws and what it was fed', () => {
    const model = tfl.sequential({
      layers: [tfl.layers.dense({ units: 2, inputShape: [3], name: 'first' }), tfl.layers.dense({ units: 2, name: 'second' })],
    });
    model.getLayer('second').call = () => {
      throw new TypeError('no such thing');
    };
    const error = failure(() => traceModel(model));
    expect(error.code).toBe('MODEL_UNSUPPORTED');
    expect(error.message).toMatch(/"second" throws at first_input float32 \[2, 3\]: no such thing/u);
    expect(error.hint).toContain('/input_info');
    expect(error.cause).toBeInstanceOf(TypeError);
    expect(Object.hasOwn(tf.engine(), 'runKernel')).toBe(false);
  });

  it('is named when it is empty', async () => {
    const error = failure(() => traceModel(tfl.sequential({ name: 'nothing' })));
    expect([error.code, error.message]).toEqual(['MODEL_UNSUPPORTED', expect.stringContaining('"nothing" is empty')]);
    await expect(createCompressionAlgorithm(tfl.sequential(), {})).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  });

  it('is refused when it reads texts', () => {
    const a = tfl.input({ shape: [2], dtype: 'string', name: 'text' });
    const model = tfl.model({ inputs: a, outputs: tfl.layers.activation({ activation: 'linear' }).apply(a) as Symbolic });
    expect(failure(() => traceModel(model)).message).toContain('"text" holds string');
  });
});

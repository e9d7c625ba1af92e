import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exporterToken, find, registered, scope, type JsonObject } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportOnnx, extendOnnx, onnxExporter, onnxNodeToken, registerOnnxNode } from '../src/index.ts';
import { rawBytes } from '../src/proto/raw-bytes.ts';
import { useCpu } from './support/cpu.ts';
import { decoded, exported, largestDifference, operations, runOnnx } from './support/export-case.ts';

const folder = mkdtempSync(join(tmpdir(), 'nncf-exporter-'));
beforeAll(useCpu);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function dense(): tfl.LayersModel {
  const inputs = tfl.input({ shape: [4], name: 'features' });
  const head = tfl.layers.dense({ units: 3, name: 'head' }).apply(inputs);
  const outputs = tfl.layers.softmax({ axis: -1, name: 'top' }).apply(head) as tfl.SymbolicTensor;
  return tfl.model({ inputs, outputs });
}

describe('the exporter', () => {
  it('is registered by importing the package', () => {
    expect(find(exporterToken, 'onnx')).toBe(onnxExporter);
  });

  it('names every mapped operation in its README', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    expect(registered(onnxNodeToken).filter((op) => !readme.includes(`\`${op}\``))).toEqual([]);
  });

  it('writes a file that ONNX Runtime runs', async () => {
    const file = join(folder, 'below', 'model.onnx');
    const model = dense();
    await exportOnnx(model, file);
    const x = tf.randomNormal([2, 4]);
    expect(largestDifference(await runOnnx(readFileSync(file), [x]), [model.predict(x) as Tensor])).toBeLessThan(1e-6);
    expect(readdirSync(join(folder, 'below'))).toEqual(['model.onnx']);
  });

  it('leaves nothing behind where it cannot write', async () => {
    const file = join(folder, 'taken');
    await exportOnnx(dense(), file);
    const before = statSync(file).mtimeMs;
    await expect(exportOnnx(dense(), join(file, 'model.onnx'))).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
    expect(statSync(file).mtimeMs).toBe(before);
    expect(existsSync(join(file, 'model.onnx'))).toBe(false);
  });

  it('leaves no tensor behind', () => {
    const model = dense();
    exported(model);
    const before = tf.memory().numTensors;
    exported(model);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('gives the same bytes for the same model', () => {
    const model = dense();
    expect(exported(model)).toEqual(exported(model));
  });
});

describe('outputs', () => {
  const heads = (): tfl.LayersModel => {
    const inputs = tfl.input({ shape: [4], name: 'features' });
    const [main, aux] = ['main', 'aux'].map((name) => tfl.layers.dense({ units: 3, name }).apply(inputs) as tfl.SymbolicTensor);
    return tfl.model({ inputs, outputs: [main!, aux!] });
  };

  it('are those that are asked for, in that order, and nothing that only others need', async () => {
    const model = heads();
    const x = tf.randomNormal([2, 4]);
    const [main, aux] = model.predict(x) as Tensor[];
    const one = exported(model, { outputs: [1] });
    expect(largestDifference(await runOnnx(one, [x]), [aux!])).toBeLessThan(1e-6);
    expect(decoded(one).initializer).toHaveLength(2);
    const both = exported(model, { outputs: [1, 0] });
    expect(largestDifference(await runOnnx(both, [x]), [aux!, main!])).toBeLessThan(1e-6);
  });

  it('that the model has not are refused', () => {
    expect(() => exported(heads(), { outputs: [2] })).toThrow(/"outputs" names the output 2, but the model has 2/);
  });
});

describe('options', () => {
  it.each([
    [{ opset: 16 }, /opset/],
    [{ format: 'int8' }, /format/],
    [{ inputlayout: 'NCHW' }, /inputlayout/],
    [{ batchSize: 0 }, /batchSize/],
  ])('refuses %j', (options, message) => {
    expect(() => exported(dense(), options as JsonObject)).toThrow(message);
    expect(() => exported(dense(), options as JsonObject)).toThrow(expect.objectContaining({ code: 'EXPORT_OPTIONS' }));
  });

  it('names inputs and outputs, by the layers when not told otherwise', () => {
    const names = (bytes: Uint8Array): unknown[] => [decoded(bytes).input?.[0]?.name, decoded(bytes).output?.[0]?.name];
    expect(names(exported(dense(), { inputNames: ['in'], outputNames: ['out'] }))).toEqual(['in', 'out']);
    expect(names(exported(dense()))).toEqual(['features', 'top']);
  });

  it('leaves the batch open, or fixes it', () => {
    const first = (bytes: Uint8Array): unknown => decoded(bytes).input?.[0]?.type?.tensorType?.shape?.dim?.[0];
    expect(first(exported(dense()))).toMatchObject({ dimParam: 'N' });
    expect(Number((first(exported(dense(), { batchSize: 5 })) as { dimValue: unknown }).dimValue)).toBe(5);
  });

  it.each([17, 18, 19, 20, 21])('writes operator set %i', async (opset) => {
    const model = { variables: {}, call: (x: Tensor) => tf.mean(tf.relu(x), 1) };
    const bytes = exported(model, { opset }, [{ sample_size: [1, 4] }]);
    const x = tf.randomNormal([2, 4]);
    expect(largestDifference(await runOnnx(bytes, [x]), [tf.mean(tf.relu(x), 1)])).toBeLessThan(1e-6);
  });
});

describe('what cannot be exported', () => {
  const info = [{ sample_size: [1, 4] }];
  const sinhc = (x: Tensor): Tensor => scope('odd', () => tf.cumprod(x, 1));

  it('names the operation, its node and scope, and how to add a mapping', () => {
    expect(() => exported({ variables: {}, call: sinhc }, {}, info)).toThrow(
      /"Cumprod" \(node "odd\/Cumprod_0", scope "odd"\)[^]*registerOnnxNode\(\{ op: "Cumprod"/,
    );
  });

  it('can be exported after a mapping was added', async () => {
    registerOnnxNode({
      op: 'Cumprod',
      emit: (context) => {
        const logarithms = context.emit('Log', [context.input(0)]);
        const axis = context.builder.constant([1], [], 'INT64');
        context.output(0, context.emit('Exp', [context.emit('CumSum', [logarithms, axis])]));
      },
    });
    const x = tf.randomUniform([2, 4], 0.5, 2);
    const bytes = exported({ variables: {}, call: sinhc }, {}, info);
    expect(largestDifference(await runOnnx(bytes, [x]), [tf.cumprod(x, 1)])).toBeLessThan(1e-5);
  });

  it('does not matter where no output depends on it', () => {
    const call = (x: Tensor): Tensor => {
      tf.fft(tf.complex(x, x));
      return tf.neg(x);
    };
    expect(operations(exported({ variables: {}, call }, {}, info))).toEqual({ Neg: 1 });
  });

  it('a mapping that forgets an output is told so', () => {
    registerOnnxNode({ op: 'Atan2', emit: () => undefined });
    expect(() => exported({ variables: {}, call: (x: Tensor) => tf.atan2(x, x) }, {}, info)).toThrow(/bound no value to output 0/);
  });

  it('a weight that is not a number is named', () => {
    const w = tf.variable(tf.tensor1d([1, Number.NaN, 2, 3]));
    const model = { variables: { 'layer/w': w }, call: (x: Tensor) => tf.mul(x, w) };
    expect(() => exported(model, {}, info)).toThrow(expect.objectContaining({ code: 'EXPORT_NOT_FINITE' }));
    expect(() => exported(model, {}, info)).toThrow(/"layer\/w" holds NaN/);
  });

  it('a share of the batch is refused', () => {
    const half = (x: Tensor): Tensor => tf.slice(tf.concat([x, x]), [0, 0], [x.shape[0] ?? 1, 4]);
    expect(() => exported({ variables: {}, call: half }, {}, info)).toThrow(/share of the batch/);
  });
});

describe('an exported file', () => {
  const boxes = {
    variables: {},
    call: (x: Tensor) => [tf.reshape(x, [x.shape[0] ?? 1, 5, 4]), tf.reshape(tf.max(tf.reshape(x, [-1, 5, 4]), -1), [-1, 1, 5])],
  };

  it('takes further operations behind its outputs', async () => {
    const bytes = extendOnnx(exported(boxes, {}, [{ sample_size: [1, 20] }]), (builder, [corners = '', scores = '']) => {
      const limit = builder.constant([2], [1], 'INT64');
      const overlap = builder.constant([0.5], [1], 'FLOAT');
      const [kept = ''] = builder.node('NonMaxSuppression', [corners, scores, limit, overlap], { name: 'boxes' });
      return [{ name: kept, type: 'INT64', shape: ['kept', 3] }];
    });
    const corners = [0, 0, 2, 2, 0, 0, 2, 2.1, 5, 5, 6, 6, 8, 8, 9, 9, 0, 0, 2.2, 2];
    const [kept] = await runOnnx(bytes, [tf.tensor2d(corners, [1, 20])]);
    expect(Array.from(kept?.dataSync() ?? [])).toEqual([0, 0, 3, 0, 0, 2]);
  });

  it('calls added outputs as told, by names that are free', async () => {
    const negated = (name: string): Uint8Array =>
      extendOnnx(exported(boxes, { outputNames: ['a', 'b'] }, [{ sample_size: [1, 20] }]), (builder, [first = '']) => {
        const [value = ''] = builder.node('Neg', [first]);
        return [{ name, value, type: 'FLOAT', shape: [1, 5, 4] }];
      });
    expect(decoded(negated('negated')).output?.map(({ name }) => name)).toEqual(['negated']);
    const x = tf.range(0, 20);
    const [y] = await runOnnx(negated('negated'), [tf.reshape(x, [1, 20])]);
    expect(Array.from(y!.dataSync())).toEqual(Array.from(tf.neg(x).dataSync()));
    expect(() => negated('a')).toThrow(expect.objectContaining({ code: 'EXPORT_INVALID' }));
  });

  it('is told from other bytes', () => {
    expect(() => extendOnnx(Uint8Array.of(1, 2, 3), () => [])).toThrow(expect.objectContaining({ code: 'EXPORT_INVALID' }));
    expect(() => extendOnnx(new Uint8Array(), () => [])).toThrow(/no ONNX model/);
  });
});

describe('raw bytes', () => {
  it('hold two 4-bit integers each, the first in the lower half', () => {
    expect([...rawBytes(Int32Array.of(1, -2, 7), 'INT4')]).toEqual([0xe1, 0x07]);
    expect([...rawBytes(Int32Array.of(15, 0), 'UINT4')]).toEqual([0x0f]);
  });

  it('hold half precision, rounded to even', () => {
    const halves = new Uint16Array(
      rawBytes(Float32Array.of(1, -2, 65504, 65520, 2 ** -24, 2 ** -25, 1 + 2 ** -11, 0.1, Number.NaN), 'FLOAT16').buffer,
    );
    expect([...halves]).toEqual([0x3c00, 0xc000, 0x7bff, 0x7c00, 0x0001, 0x0000, 0x3c00, 0x2e66, 0x7e00]);
  });

  it('hold 64-bit integers of both signs', () => {
    expect([...rawBytes(Int32Array.of(-1), 'INT64')]).toEqual(Array.from({ length: 8 }, () => 255));
  });
});

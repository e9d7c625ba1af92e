import type { OnnxOperand, PlanCommand } from '@nncf/core';
import '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fakeQuantizeMapping } from '../src/onnx.ts';
import { createQuantizer } from '../src/quantizers/create-quantizer.ts';
import type { FakeQuantizer } from '../src/quantizers/fake-quantizer.ts';
import { specToJson, type QuantizerSpec } from '../src/scheme.ts';
import { interpreter, operandOf, transpose, type Interpreter } from './onnx-interpreter.ts';

beforeAll(() => tf.setBackend('cpu'));
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const NHWC_TO_NCHW = [0, 3, 1, 2];
const HWIO_TO_OIHW = [3, 2, 0, 1];

function quantizer(spec: Partial<QuantizerSpec>, sample: tf.Tensor, isWeight = false, config = {}): FakeQuantizer {
  const whole: QuantizerSpec = {
    mode: 'symmetric',
    bits: 8,
    perChannel: false,
    narrowRange: false,
    halfRange: false,
    logarithmScale: false,
    parameterShape: [],
    range: { type: 'min_max', samples: 1, minPercentile: 0.1, maxPercentile: 99.9 },
    ...spec,
  };
  const command: PlanCommand = {
    algorithm: 'quantization',
    operator: 'quantization/x',
    target: isWeight ? 'weight' : 'activation',
    transform: 'discretize',
    points: [],
    values: ['x'],
    description: '',
    spec: specToJson(whole),
  };
  const made = createQuantizer(command, config);
  made.startCollecting({ batches: 1 });
  made.observe(sample);
  made.adopt(made.collectedRange());
  return made;
}

const dataOf = (x: tf.Tensor): { data: Float32Array; shape: number[] } => ({ data: Float32Array.from(x.dataSync()), shape: x.shape });

/** What the file computes for an activation, and what the quantizer does, in the layout of the file. */
function bothFor(operator: FakeQuantizer, x: tf.Tensor, file: Interpreter): { file: readonly number[]; model: number[] } {
  const perm = x.rank === 4 ? NHWC_TO_NCHW : [0, 1];
  const turned = transpose(dataOf(x), perm);
  file.feed('x', turned);
  const result = fakeQuantizeMapping.emit(operator, operandOf(perm, turned.shape), file);
  return { file: file.value(result).data, model: [...transpose(dataOf(operator.apply(x)), perm).data] };
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) =>
    expect(Math.abs(value - (expected[i] ?? Number.NaN))).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(value))),
  );
}

const activation = (): tf.Tensor => tf.randomUniform([2, 3, 4, 5], -1.7, 3.1, 'float32', 4);

describe('activations', () => {
  it.each<[string, Partial<QuantizerSpec>, string[]]>([
    ['signed', {}, ['QuantizeLinear', 'DequantizeLinear']],
    ['unsigned', { signed: false }, ['QuantizeLinear', 'DequantizeLinear']],
    ['asymmetric', { mode: 'asymmetric' }, ['QuantizeLinear', 'DequantizeLinear']],
    ['of 4 bits', { bits: 4 }, ['Clip', 'QuantizeLinear', 'DequantizeLinear']],
    ['of 2 bits, unsigned', { bits: 2, signed: false }, ['Clip', 'QuantizeLinear', 'DequantizeLinear']],
    ['of 5 bits, asymmetric', { bits: 5, mode: 'asymmetric' }, ['Clip', 'QuantizeLinear', 'DequantizeLinear']],
    ['per channel', { perChannel: true, parameterShape: [1, 1, 1, 5] }, ['QuantizeLinear', 'DequantizeLinear']],
    [
      'of 3 bits per channel',
      { bits: 3, perChannel: true, parameterShape: [1, 1, 1, 5] },
      ['Min', 'Max', 'QuantizeLinear', 'DequantizeLinear'],
    ],
  ])('%s come out of the file as out of the model', (_name, spec, ops) => {
    const operator = quantizer(spec, activation());
    const file = interpreter();
    const both = bothFor(operator, tf.mul(activation(), 1.3), file);
    expectClose(both.file, both.model);
    expect(file.nodes.map(({ op }) => op)).toEqual(ops);
    const fake = bothFor(operator, tf.mul(activation(), 1.3), interpreter({ format: 'fakequantize' }));
    expectClose(fake.file, fake.model);
  });

  it('use the integers that fit: int8 around zero, uint8 else, the zero point of the data', () => {
    const typeOf = (spec: Partial<QuantizerSpec>): [string, readonly number[]] => {
      const file = interpreter();
      bothFor(quantizer(spec, tf.tensor2d([[-1, 3]])), tf.tensor2d([[-1, 3]]), file);
      const zero = file.value(file.nodes[0]?.inputs[2] ?? '');
      return [zero.type, zero.data];
    };
    expect(typeOf({})).toEqual(['INT8', [0]]);
    expect(typeOf({ signed: false })).toEqual(['UINT8', [0]]);
    expect(typeOf({ mode: 'asymmetric' })).toEqual(['UINT8', [64]]);
  });

  it('of more than 8 bits need a late operator set or OpenVINO', () => {
    const operator = quantizer({ bits: 12 }, activation());
    expect(() => bothFor(operator, activation(), interpreter())).toThrow(
      /conv\/Conv2D_0 reads have more than 8 bits, which operator set 17/u,
    );
    for (const file of [interpreter({}, 21), interpreter({ format: 'fakequantize' })]) {
      const both = bothFor(operator, activation(), file);
      expectClose(both.file, both.model);
    }
  });
});

describe('weights', () => {
  const weight = (): tf.Tensor => tf.randomNormal([3, 3, 2, 4], 0, 0.5, 'float32', 9);

  function fileOf(operator: FakeQuantizer, options = {}): { file: Interpreter; result: readonly number[]; model: number[] } {
    const file = interpreter(options);
    const turned = transpose(dataOf(weight()), HWIO_TO_OIHW);
    const result = fakeQuantizeMapping.emit(operator, operandOf(HWIO_TO_OIHW, turned.shape, turned), file);
    return { file, result: file.value(result).data, model: [...transpose(dataOf(operator.apply(weight())), HWIO_TO_OIHW).data] };
  }

  it.each<[string, Partial<QuantizerSpec>, string]>([
    ['per channel', { signed: true, narrowRange: true, perChannel: true, parameterShape: [1, 1, 1, 4] }, 'INT8'],
    ['per tensor', { signed: true, narrowRange: true }, 'INT8'],
    ['of 2 bits', { bits: 2, signed: true, narrowRange: true, perChannel: true, parameterShape: [1, 1, 1, 4] }, 'INT8'],
    ['of half range', { signed: true, narrowRange: true, halfRange: true }, 'INT8'],
    ['asymmetric', { mode: 'asymmetric', perChannel: true, parameterShape: [1, 1, 1, 4] }, 'UINT8'],
    ['of 4 bits, asymmetric', { mode: 'asymmetric', bits: 4 }, 'UINT8'],
    ['of 12 bits', { bits: 12, signed: true, narrowRange: true }, 'INT32'],
    ['of 16 bits, asymmetric', { bits: 16, mode: 'asymmetric' }, 'INT32'],
  ])('%s are stored as integers that mean the same', (_name, spec, type) => {
    const operator = quantizer(spec, weight(), true);
    const { file, result, model } = fileOf(operator);
    expectClose(result, model);
    expect(file.nodes.map(({ op }) => op)).toEqual(['DequantizeLinear']);
    expect(file.value(file.nodes[0]?.inputs[0] ?? '').type).toBe(type);
  });

  it.each<[string, Partial<QuantizerSpec>, number]>([
    ['symmetric', { signed: true, narrowRange: true, perChannel: true, parameterShape: [1, 1, 1, 4] }, 255],
    ['symmetric with one level more', { signed: true }, 256],
    ['asymmetric', { mode: 'asymmetric' }, 256],
  ])('of half range, %s, become those of a full one for OpenVINO, with what lies outside clipped', (_name, spec, levels) => {
    const operator = quantizer({ ...spec, halfRange: true }, tf.mul(weight(), 0.6), true);
    const { file, result, model } = fileOf(operator, { format: 'fakequantize' });
    expectClose(result, model);
    expect(file.nodes).toMatchObject([{ op: 'FakeQuantize', attributes: { levels: { int: levels } } }]);
  });

  it('name the axis that the channels have in the file', () => {
    const operator = quantizer({ signed: true, narrowRange: true, perChannel: true, parameterShape: [1, 1, 1, 4] }, weight(), true);
    const { file } = fileOf(operator);
    expect(file.nodes[0]?.attributes).toEqual({ axis: { int: 0 } });
    expect(file.value(file.nodes[0]?.inputs[1] ?? '').shape).toEqual([4]);
  });

  it('keep zeros that a mask made', () => {
    const operator = quantizer({ mode: 'asymmetric', bits: 5 }, weight(), true);
    const file = interpreter();
    const result = fakeQuantizeMapping.emit(operator, operandOf([0, 1], [1, 3], { data: Float32Array.of(0, 0.3, 0), shape: [1, 3] }), file);
    expect(file.value(result).data[0]).toBe(0);
    expect(file.value(result).data[2]).toBe(0);
  });
});

describe('the format', () => {
  const operand = (): OnnxOperand => operandOf([0, 1], [2, 2]);
  const write = (operator: FakeQuantizer, options = {}): Interpreter => {
    const file = interpreter(options);
    file.feed('x', { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] });
    fakeQuantizeMapping.emit(operator, operand(), file);
    return file;
  };

  it('writes levels and domain of OpenVINO', () => {
    const file = write(quantizer({ bits: 4 }, tf.tensor2d([[-1, 1]])), { format: 'fakequantize' });
    expect(file.nodes).toMatchObject([{ op: 'FakeQuantize', domain: 'org.openvinotoolkit', attributes: { levels: { int: 16 } } }]);
    expect(file.domains).toEqual(['org.openvinotoolkit']);
  });

  it("is the export's, else the configuration's, else the standard one", () => {
    const ops = (config: object, options = {}): string | undefined =>
      write(quantizer({}, tf.ones([1, 1]), false, config), options).nodes[0]?.op;
    expect(ops({})).toBe('QuantizeLinear');
    expect(ops({ export_to_onnx_standard_ops: false })).toBe('FakeQuantize');
    expect(ops({ export_to_onnx_standard_ops: false }, { format: 'qdq' })).toBe('QuantizeLinear');
    expect(() => ops({}, { format: 'tflite' })).toThrow(/"tflite" is not known/u);
  });

  it('writes nothing for a quantizer that is off or has no range', () => {
    const operator = quantizer({}, tf.ones([1, 1]));
    operator.enabled = false;
    expect(write(operator).nodes).toEqual([]);
    operator.enabled = true;
    operator.startCollecting({ batches: 1 });
    expect(write(operator).nodes).toEqual([]);
  });

  it('refuses operators that it did not make', () => {
    const stranger = { kind: 'fake-quantize', parameters: [], apply: (x: tf.Tensor) => x };
    expect(() => fakeQuantizeMapping.emit(stranger, operand(), interpreter())).toThrow(/npm ls/u);
  });
});

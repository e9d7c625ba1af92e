import { createCompressionAlgorithm, registerAlgorithm, registerExporter, registerOnnxOperator, type JsonObject } from '@nncf/core';
import { onnxExporter } from '@nncf/onnx-exporter';
import { availableBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoded, ExportFolder, PEERS_TIMEOUT, preparePeers, type PeerReport } from '../../onnx-exporter/test/support/export-case.ts';
import { fakeQuantizeMapping } from '../src/onnx.ts';
import { quantization } from '../src/quantization.ts';

type Format = 'fakequantize' | 'qdq';

/** One exported model, what its file holds, and what OpenVINO says of it. */
interface Case {
  /** Levels of each FakeQuantize, in order. */
  readonly levels: readonly number[];
  /** Smallest and largest integer of each weight. */
  readonly integers: readonly (readonly [low: number, high: number])[];
  readonly spread: number;
}

const folder = new ExportFolder();
const cases = new Map<string, Case>();
let reports: ReadonlyMap<string, PeerReport> = new Map();

const BITS = [2, 3, 4, 5, 6, 7, 8];
const MODES = ['symmetric', 'asymmetric'] as const;
const FORMATS: readonly Format[] = ['fakequantize', 'qdq'];
const FIXES = ['enable', 'first_layer_only', 'disable'] as const;

beforeAll(async () => {
  preparePeers();
  registerAlgorithm(quantization);
  registerExporter(onnxExporter);
  registerOnnxOperator(fakeQuantizeMapping);
  await tf.setBackend(availableBackends.includes('tensorflow') ? 'tensorflow' : 'cpu');
  for (const bits of BITS) {
    for (const mode of MODES) {
      for (const format of FORMATS)
        await keep(`${bits} ${mode} ${format}`, format, { weights: { bits, mode }, activations: { bits, mode } });
    }
  }
  for (const overflow_fix of FIXES) {
    for (const format of FORMATS) await keep(`overflow ${overflow_fix} ${format}`, format, { overflow_fix });
  }
  reports = new Map(folder.check().map((report) => [report.name, report]));
}, PEERS_TIMEOUT);
afterAll(() => folder.remove());

/** Two convolutions and a product; ReLU between, so that activations have one sign in the middle and two at the start. */
function network(): tfl.LayersModel {
  const kernelInitializer = (seed: number): ReturnType<typeof tfl.initializers.heNormal> => tfl.initializers.heNormal({ seed });
  return tfl.sequential({
    layers: [
      tfl.layers.conv2d({
        filters: 8,
        kernelSize: 3,
        activation: 'relu',
        inputShape: [10, 10, 3],
        name: 'a',
        kernelInitializer: kernelInitializer(1),
      }),
      tfl.layers.conv2d({ filters: 8, kernelSize: 3, name: 'b', kernelInitializer: kernelInitializer(2) }),
      tfl.layers.flatten(),
      tfl.layers.dense({ units: 6, name: 'c', kernelInitializer: kernelInitializer(3) }),
    ],
  });
}

async function keep(name: string, format: Format, section: JsonObject): Promise<void> {
  const model = network();
  const x = tf.randomUniform([4, 10, 10, 3], -1, 1, 'float32', 5);
  const algo = await createCompressionAlgorithm(model, { compression: { algorithm: 'quantization', ...section } });
  await algo.initialize([x]);
  const y = model.predict(x) as tf.Tensor;
  const values = y.dataSync();
  const file = join(folder.path, 'last.bin');
  await algo.exportModel(file, { format });
  const bytes = readFileSync(file);
  folder.keep(name, bytes, [x], [y]);
  cases.set(name, { ...contentsOf(bytes), spread: Math.max(...values) - Math.min(...values) });
  algo.remove();
}

/** Data types of ONNX. */
const [UINT8, INT8] = [2, 3];

function contentsOf(bytes: Uint8Array): Pick<Case, 'levels' | 'integers'> {
  const { node, initializer } = decoded(bytes);
  const levels = node
    .filter(({ opType }) => opType === 'FakeQuantize')
    .map(({ attribute }) => Number(attribute?.find((each) => each.name === 'levels')?.i));
  const weights = initializer.filter(({ dataType, dims }) => [UINT8, INT8].includes(dataType ?? 0) && (dims?.length ?? 0) > 1);
  const integers = weights.map(({ dataType, rawData }) => {
    const raw = Uint8Array.from(rawData ?? []);
    const data = dataType === INT8 ? new Int8Array(raw.buffer) : raw;
    return [Math.min(...data), Math.max(...data)] as const;
  });
  return { levels, integers };
}

const convolutionsOf = ({ layers = [] }: PeerReport): readonly string[] =>
  layers.filter(([type]) => type.includes('Convolution')).map(([, precision]) => precision);

describe('files of 2 to 8 bits', () => {
  it.each(BITS.flatMap((bits) => MODES.flatMap((mode) => FORMATS.map((format) => [bits, mode, format] as const))))(
    '%i %s %s: OpenVINO computes what is computed here',
    (bits, mode, format) => {
      const name = `${bits} ${mode} ${format}`;
      const report = reports.get(name);
      expect(report?.checker).toBeNull();
      // A value at the border of two grid points may fall on either side: one step of the last activations.
      expect(Number(report?.openvino)).toBeLessThan(Math.max(0.01, 0.4 / 2 ** bits) * (cases.get(name)?.spread ?? 0));
    },
  );

  it.each(BITS.flatMap((bits) => MODES.map((mode) => [bits, mode] as const)))('%i %s have the levels of the paper', (bits, mode) => {
    const { levels } = cases.get(`${bits} ${mode} fakequantize`)!;
    const weights = mode === 'symmetric' ? 2 ** bits - 1 : 2 ** bits;
    expect(levels.toSorted((a, b) => a - b)).toEqual([weights, weights, weights, 2 ** bits, 2 ** bits, 2 ** bits]);
    const { integers } = cases.get(`${bits} ${mode} qdq`)!;
    const [low, high] = mode === 'symmetric' ? [1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
    expect(integers.length).toBe(3);
    for (const [least, most] of integers) expect(least >= low && most <= high).toBe(true);
    // Each channel's largest weight is an end of the grid.
    expect(Math.max(...integers.map(([, most]) => most))).toBe(high);
  });
});

describe('overflow_fix', () => {
  it.each(FIXES.flatMap((fix) => FORMATS.map((format) => [fix, format] as const)))('%s as %s runs in 8 bits and agrees', (fix, format) => {
    const name = `overflow ${fix} ${format}`;
    const report = reports.get(name)!;
    expect(report.checker).toBeNull();
    expect(Number(report.openvino)).toBeLessThan(0.02 * (cases.get(name)?.spread ?? 0));
    expect(convolutionsOf(report).length).toBe(2);
    expect(convolutionsOf(report).every((precision) => /^[iu]8$/iu.test(precision))).toBe(true);
  });

  it('is written with all levels of 8 bits', () => {
    for (const fix of FIXES) {
      const { levels } = cases.get(`overflow ${fix} fakequantize`)!;
      expect(levels.toSorted((a, b) => a - b)).toEqual([255, 255, 255, 256, 256, 256]);
    }
  });

  it('leaves half of the integers free in all weights, in the first, or in none', () => {
    const largest = (fix: string): number[] => cases.get(`overflow ${fix} qdq`)!.integers.map(([low, high]) => Math.max(-low, high));
    expect(largest('enable')).toEqual([63, 63, 63]);
    expect(largest('first_layer_only').toSorted((a, b) => a - b)).toEqual([63, 127, 127]);
    expect(largest('disable')).toEqual([127, 127, 127]);
  });
});

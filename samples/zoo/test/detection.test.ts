import { readFile } from 'node:fs/promises';
import { useBackend } from '@nncf/backend';
import { readSafetensors } from '@nncf/core';
import { sharedFile } from '@nncf/datasets';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { gridAnchors, priorShapes } from '../src/detection/anchors.ts';
import { l2Normalization } from '../src/detection/l2-normalization.ts';
import {
  countMultiplyAdds,
  countTrainable,
  createDetector,
  detectors,
  loadSsdMobileNetCoco,
  ssd300Vgg,
  ssd512Vgg,
  ssdMobileNetV1,
  type Detector,
} from '../src/index.ts';

const zeros = { initial: 'zeros' } as const;

beforeAll(async () => {
  await useBackend({ quiet: true });
});

/** Parameters and multiply-adds of a detector that is then disposed. */
function sizes({ model }: Detector): { parameters: number; multiplyAdds: number } {
  const counted = { parameters: countTrainable(model), multiplyAdds: countMultiplyAdds(model) };
  model.dispose();
  return counted;
}

/** Weights and bias of a convolution. */
function conv(from: number, to: number, taps = 1): number {
  return taps * from * to + to;
}

describe('sizes', () => {
  it('SSD300 with VGG-16 for COCO: parameters and multiply-adds are those of torchvision', () => {
    const { parameters, multiplyAdds } = sizes(ssd300Vgg({ ...zeros, batchNorm: false, classes: 91 }));
    expect(parameters).toBe(35_641_826);
    expect(multiplyAdds / 1e9).toBeCloseTo(34.858, 3);
  });

  it('batch normalization replaces the biases of the fifteen convolutions of VGG-16 by two numbers a channel', () => {
    const channels = 2 * 64 + 2 * 128 + 3 * 256 + 6 * 512 + 2 * 1024;
    const [plain, normalized] = [false, true].map((batchNorm) => sizes(ssd300Vgg({ ...zeros, batchNorm })).parameters);
    expect([plain, normalized]).toEqual([26_285_486, 26_285_486 + channels]);
  });

  it('SSD512 with VGG-16 for COCO, layer by layer', () => {
    const vgg = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512];
    const backbone = vgg.slice(1).reduce((sum, to, place) => sum + conv(vgg[place]!, to, 9), conv(512, 1024, 9) + conv(1024, 1024));
    const extras = [
      conv(1024, 256) + conv(256, 512, 9) + conv(512, 128) + conv(128, 256, 9),
      2 * (conv(256, 128) + conv(128, 256, 9)) + conv(256, 128) + conv(128, 256, 16),
    ];
    const maps = [512, 1024, 512, 256, 256, 256, 256];
    const heads = [4, 6, 6, 6, 6, 4, 4].map((shapes, place) => conv(maps[place]!, shapes * (81 + 4), 9));
    const { parameters, multiplyAdds } = sizes(ssd512Vgg({ ...zeros, batchNorm: false, classes: 81 }));
    expect(parameters).toBe([...extras, ...heads].reduce((sum, part) => sum + part, backbone + 512));
    // 36.1 million and 99.5 billion in table 6 of arXiv 1801.04381, which counts biases and pooling as well.
    expect(Math.abs(parameters / 36.1e6 - 1)).toBeLessThan(0.003);
    expect(Math.abs(multiplyAdds / 99.5e9 - 1)).toBeLessThan(0.01);
  });

  it('SSD300 with MobileNet v1: those of table 13 of arXiv 1704.04861', () => {
    const { parameters, multiplyAdds } = sizes(ssdMobileNetV1(zeros));
    expect([parameters / 1e6, multiplyAdds / 1e9].map((figure) => figure.toFixed(1))).toEqual(['6.8', '1.2']);
  });
});

describe('anchors', () => {
  it.each([
    ['ssd300_vgg', 38 ** 2 * 4 + 19 ** 2 * 6 + 10 ** 2 * 6 + 5 ** 2 * 6 + 3 ** 2 * 4 + 4],
    ['ssd512_vgg', 64 ** 2 * 4 + 32 ** 2 * 6 + 16 ** 2 * 6 + 8 ** 2 * 6 + 4 ** 2 * 6 + 2 ** 2 * 4 + 4],
    ['ssd300_mobilenet_v1', 1917],
    ['ssd512_mobilenet_v1', 32 ** 2 * 3 + (16 ** 2 + 8 ** 2 + 4 ** 2 + 2 ** 2 + 1) * 6],
  ])('%s has as many as its outputs have rows', (name, count) => {
    const { model, anchors } = createDetector(name, { ...zeros, width: 0.125, classes: 3 });
    expect(model.outputs.map(({ shape }) => shape)).toEqual([
      [null, count, 4],
      [null, count, 3],
    ]);
    expect(anchors).toHaveLength(4 * count);
    model.dispose();
  });

  it('are the squares and rectangles of the publication, around the centres of the places', () => {
    const priors = { steps: [100], minSizes: [60], maxSizes: [240], aspectRatios: [[4]] };
    const shapes = priorShapes(priors, 0, [300, 200]);
    const expected = [
      [60 / 300, 60 / 200],
      [120 / 300, 120 / 200],
      [30 / 300, 120 / 200],
      [120 / 300, 30 / 200],
    ];
    shapes.forEach((shape, place) => shape.forEach((side, axis) => expect(side).toBeCloseTo(expected[place]![axis]!, 10)));
    const anchors = gridAnchors([{ rows: 2, columns: 1, step: [0.5, 1], shapes: [[0.2, 0.4]] }]);
    expect([...anchors].map((value) => Number(value.toFixed(6)))).toEqual([0.25, 0.5, 0.2, 0.4, 0.75, 0.5, 0.2, 0.4]);
  });

  it('are cut off at the edges when asked to', () => {
    const anchors = gridAnchors([{ rows: 1, columns: 1, step: [0.5, 1], shapes: [[1, 0.5]] }], true);
    expect([...anchors]).toEqual([0.375, 0.5, 0.75, 0.5]);
  });
});

describe('detectors', () => {
  it('an unknown name is refused with the known ones', () => {
    expect(() => createDetector('ssd')).toThrow(/no detector called ssd.*Known are ssd300_vgg/su);
    expect(Object.keys(detectors)).toContain('ssd300_mobilenet_v1');
  });

  it('normalize conv4_3 to a learned length', async () => {
    const layer = l2Normalization({ name: 'norm', initial: 10 });
    const y = layer.apply(tf.tensor4d([3, 4, 0, 0, -5, 12, 1e-2, 0], [1, 2, 2, 2])) as tf.Tensor;
    const expected = [6, 8, 0, 0, (-10 * 5) / 13, (10 * 12) / 13, 10, 0];
    [...(await y.data())].forEach((value, place) => expect(value).toBeCloseTo(expected[place]!, 3));
    expect(countTrainable(tfl.sequential({ layers: [tfl.layers.inputLayer({ inputShape: [2, 2, 2] }), layer] }))).toBe(2);
  });

  it('predict by place and shape: a bias of one head shows in its rows alone', async () => {
    const { model } = ssdMobileNetV1({ ...zeros, inputShape: [64, 64, 3], width: 0.125, classes: 2 });
    const bias = tf.tidy(() => tf.range(0, 12));
    model.getLayer('head0.boxes').setWeights([tf.zeros(model.getLayer('head0.boxes').weights[0]!.shape as number[]), bias]);
    const [boxes, scores] = model.predict(tf.zeros([1, 64, 64, 3])) as tf.Tensor[];
    // The first map has 4 × 4 places with three shapes, the others six shapes.
    expect(boxes!.shape).toEqual([1, 48 + 6 * (4 + 1 + 1 + 1 + 1), 4]);
    const values = [...(await boxes!.data())];
    expect(values.slice(0, 192)).toEqual(Array.from({ length: 192 }, (_, place) => place % 12));
    expect(values.slice(192).every((value) => value === 0)).toBe(true);
    tf.dispose([boxes!, scores!, bias]);
    model.dispose();
  });
});

interface Check {
  readonly outputs: readonly { readonly first8: readonly number[]; readonly sum: number; readonly argmax: number }[];
}

const NAME = 'ssd_mobilenet_v1_0.75_300_coco';

describe('published weights of the SSD for COCO', () => {
  const file = sharedFile(`weights/${NAME}.safetensors`);

  it.skipIf(file === undefined)('give the outputs of check.json (needs the shared weights folder)', async () => {
    const check = (JSON.parse(await readFile(sharedFile('weights/check.json')!, 'utf8')) as Record<string, Check>)[NAME]!;
    const { model, anchors } = await loadSsdMobileNetCoco(file!);
    expect(anchors).toEqual(readSafetensors(await readFile(file!)).tensors.get('anchors')!.data);
    const x = tf.tensor4d(
      Float32Array.from({ length: 300 * 300 * 3 }, (_, index) => Math.sin(0.05 * index)),
      [1, 300, 300, 3],
    );
    const [boxes, logits] = model.predict(x) as [tf.Tensor, tf.Tensor];
    const outputs = await Promise.all([boxes, tf.sigmoid(logits)].map(async (tensor) => Array.from(await tensor.data())));
    check.outputs.forEach(({ first8, sum, argmax }, place) => {
      const output = outputs[place]!;
      first8.forEach((value, index) => expect(output[index]).toBeCloseTo(value, 4));
      expect(Math.abs(output.reduce((total, value) => total + value) - sum)).toBeLessThan(0.05);
      expect(output.indexOf(output.reduce((a, b) => Math.max(a, b)))).toBe(argmax);
    });
    model.dispose();
  });

  it.skipIf(file === undefined)('refer to anchors that the zoo has but for their 8 bits (needs the shared weights folder)', async () => {
    const expected = readSafetensors(await readFile(file!)).tensors.get('anchors')!.data as Float32Array;
    const { model, anchors } = ssdMobileNetV1({ ...zeros, width: 0.125, classes: 2 });
    expect(anchors).toHaveLength(expected.length);
    // The file has them in 8 bits.
    const step = expected.reduce((a, b) => Math.max(a, b)) / 255;
    expect(Math.max(...anchors.map((value, place) => Math.abs(value - expected[place]!)))).toBeLessThan(0.501 * step);
    model.dispose();
  });

  it.skipIf(file === undefined)('for other classes leave the class predictors as they were (needs the shared weights folder)', async () => {
    const { model } = await loadSsdMobileNetCoco(file!, { classes: 4, seed: 3 });
    const fresh = ssdMobileNetV1({ width: 0.75, batchNorm: false, classes: 4, seed: 3 }).model;
    const kernel = (of: tfl.LayersModel, layer: string): Float32Array | Int32Array | Uint8Array =>
      of.getLayer(layer).getWeights()[0]!.dataSync();
    expect(kernel(model, 'head2.classes')).toEqual(kernel(fresh, 'head2.classes'));
    expect(kernel(model, 'head2.boxes')).not.toEqual(kernel(fresh, 'head2.boxes'));
    [model, fresh].forEach((each) => each.dispose());
  });
});

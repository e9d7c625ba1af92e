import { useBackend } from '@nncf/backend';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { countMultiplyAdds, countTrainable, resnet50, resnext101x64x4d, retinaNetResnet50, retinaNetResnext101 } from '../src/index.ts';
import { groupedConv2d } from '../src/grouped-conv.ts';

beforeAll(async () => {
  await useBackend({ quiet: true });
});

const zeros = { initial: 'zeros' } as const;
/** Weights and biases of a convolution. */
const conv = (from: number, to: number, kernel: number): number => kernel * kernel * from * to + to;

describe('RetinaNet', () => {
  const pyramid =
    conv(512, 256, 1) + conv(1024, 256, 1) + conv(2048, 256, 1) + 3 * conv(256, 256, 3) + conv(2048, 256, 3) + conv(256, 256, 3);
  const heads = 2 * 4 * conv(256, 256, 3) + conv(256, 9 * 80, 3) + conv(256, 9 * 4, 3);

  it.each([
    ['ResNet-50', retinaNetResnet50, resnet50],
    ['ResNeXt-101 64x4d', retinaNetResnext101, resnext101x64x4d],
  ] as const)('with %s has the parameters of its parts', (_, build, classifier) => {
    const { model } = build({ ...zeros, inputShape: [128, 128, 3] });
    const whole = classifier(zeros);
    const fc = 2048 * 1000 + 1000;
    expect(countTrainable(model)).toBe(countTrainable(whole) - fc + pyramid + heads);
    model.dispose();
    whole.dispose();
  });

  it('has 37.74 million parameters that are trained where the first stage is frozen, and 239 billion multiply-adds at 800 × 1280', () => {
    const { model, anchors } = retinaNetResnet50(zeros);
    const frozen = 7 * 7 * 3 * 64 + 2 * 64 + 215_808;
    expect((countTrainable(model) - frozen) / 1e6).toBeCloseTo(37.74, 2);
    expect(Math.abs(countMultiplyAdds(model) / 1e9 - 239.3)).toBeLessThan(2.4);
    expect(anchors).toHaveLength(4 * 9 * (100 * 160 + 50 * 80 + 25 * 40 + 13 * 20 + 7 * 10));
    model.dispose();
  });

  it('predicts for every anchor, all classes alike unlikely at the start', async () => {
    const { model, anchors, scoring } = retinaNetResnet50({ inputShape: [64, 96, 3], width: 0.0625, classes: 3, seed: 1 });
    const [boxes, classes] = model.predict(tf.zeros([1, 64, 96, 3])) as tf.Tensor[];
    expect([boxes!.shape, classes!.shape, scoring]).toEqual([[1, anchors.length / 4, 4], [1, anchors.length / 4, 3], 'sigmoid']);
    (await tf.sigmoid(classes!).data()).forEach((share) => expect(share).toBeCloseTo(0.01, 6));
    // The first anchor lies around the first centre, in shares of the picture: twice as wide as high, as large as 32 × 32 pixels.
    const [y, x, height, width] = [...anchors.subarray(0, 4)];
    expect(y! * 64).toBeCloseTo(4, 5);
    expect(x! * 96).toBeCloseTo(4, 5);
    expect((height! * 64 * width! * 96) / 1024).toBeCloseTo(1, 5);
    expect((width! * 96) / (height! * 64)).toBeCloseTo(2, 5);
    model.dispose();
  });
});

describe('convolution in groups', () => {
  async function kernelsOf(layer: tfl.layers.Layer): Promise<tf.Tensor4D[]> {
    return layer.getWeights() as tf.Tensor4D[];
  }

  it.each([
    ['same', 1],
    ['valid', 2],
    ['same', 2],
  ] as const)('%s at stride %i equals a full convolution with zeros between the groups', async (padding, stride) => {
    const layer = groupedConv2d({ filters: 6, groups: 2, kernel: 3, stride, padding, seed: 3 });
    const x = tf.randomNormal([2, 7, 6, 4], 0, 1, 'float32', 5) as tf.Tensor4D;
    const y = layer.apply(x) as tf.Tensor4D;
    expect(y.shape).toEqual([2, ...layer.computeOutputShape([2, 7, 6, 4]).slice(1)]);
    const [first, second] = await kernelsOf(layer);
    const nothing = tf.zeros([3, 3, 2, 3]);
    const full = tf.concat([tf.concat([first!, nothing], 3), tf.concat([nothing, second!], 3)], 2) as tf.Tensor4D;
    const expected = await tf.conv2d(x, full, stride, padding).data();
    (await y.data()).forEach((value, place) => expect(value).toBeCloseTo(expected[place]!, 4));
  });

  it('starts every group from other weights, or all from zeros', async () => {
    const values = async (seed: number | undefined): Promise<Float32Array[]> => {
      const layer = groupedConv2d({
        filters: 2,
        groups: 2,
        kernel: 1,
        stride: 1,
        padding: 'same',
        ...(seed === undefined ? {} : { seed }),
      });
      layer.apply(tf.zeros([1, 1, 1, 2]));
      return Promise.all((await kernelsOf(layer)).map((kernel) => kernel.data() as Promise<Float32Array>));
    };
    const [first, second] = await values(1);
    expect(first).not.toEqual(second);
    expect((await values(undefined)).flatMap((kernel) => [...kernel])).toEqual([0, 0]);
  });
});

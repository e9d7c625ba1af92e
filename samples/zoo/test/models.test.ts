import { useBackend } from '@nncf/backend';
import { NncfError } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  countMultiplyAdds,
  countTrainable,
  createModel,
  demoConvNet,
  denseNet121,
  efficientNetB0,
  inceptionV3,
  mobileNetV1,
  mobileNetV2,
  mobileNetV3Large,
  mobileNetV3Small,
  resnet110,
  resnet18,
  resnet20,
  resnet32,
  resnet34,
  resnet44,
  resnet50,
  resnet56,
  resnet8,
  resnext101x64x4d,
  squeezeNet11,
  unet,
  vgg16,
  zoo,
  type ModelOptions,
} from '../src/index.ts';
import { createActivation, type ActivationKind } from '../src/activations.ts';
import { createBuilder, imageInput } from '../src/builder.ts';

const zeros = { initial: 'zeros' } as const;

beforeAll(async () => {
  await useBackend({ quiet: true });
});

describe('sizes', () => {
  /** Published figures, in millions, as they are rounded there. */
  it.each<[string, (options: ModelOptions) => tfl.LayersModel, parameters: number, digits: number, multiplyAdds?: number]>([
    ['ResNet-20 (He et al. 2015, table 6)', resnet20, 0.27, 2],
    ['ResNet-32', resnet32, 0.46, 2],
    ['ResNet-44', resnet44, 0.66, 2],
    ['ResNet-56', resnet56, 0.85, 2],
    ['ResNet-110', resnet110, 1.7, 1],
    ['ResNet-18 (torchvision)', resnet18, 11.69, 2, 1814],
    ['ResNet-34', resnet34, 21.8, 2, 3664],
    ['ResNet-50', resnet50, 25.56, 2, 4089],
    ['MobileNet-v2 (Sandler et al. 2018, table 4)', mobileNetV2, 3.5, 2, 301],
    ['SqueezeNet 1.1 (torchvision)', squeezeNet11, 1.235, 3, 349],
    ['ResNet-8 (MLPerf Tiny)', resnet8, 0.078, 3, 12.5],
    ['MobileNet v1 (Howard et al. 2017, table 8)', mobileNetV1, 4.2, 1, 569],
    ['MobileNet-v3-large (torchvision)', mobileNetV3Large, 5.483, 3, 217],
    ['MobileNet-v3-small (torchvision)', mobileNetV3Small, 2.543, 3, 56.5],
    ['EfficientNet-B0 (torchvision)', efficientNetB0, 5.289, 3, 386],
    ['DenseNet-121 (torchvision)', denseNet121, 7.979, 3, 2834],
    ['VGG-16-BN (torchvision)', vgg16, 138.366, 3, 15470],
    ['ResNeXt-101 64x4d (torchvision)', resnext101x64x4d, 83.455, 3, 15460],
    ['Inception-v3 (torchvision, without the auxiliary head)', inceptionV3, 23.835, 3, 5713],
  ])('%s', (_, build, parameters, digits, multiplyAdds) => {
    const model = build(zeros);
    expect(countTrainable(model) / 1e6).toBeCloseTo(parameters, digits);
    if (multiplyAdds !== undefined) expect(Math.abs(countMultiplyAdds(model) / 1e6 - multiplyAdds)).toBeLessThan(0.5);
    model.dispose();
  });

  it('multiply-adds of the widths 1.4, 0.75, 0.5 and 0.35 of MobileNet-v2, in millions, are those of its authors', () => {
    const models = [1.4, 0.75, 0.5, 0.35].map((width) => mobileNetV2({ ...zeros, width }));
    expect(models.map((model) => Math.round(countMultiplyAdds(model) / 1e6))).toEqual([582, 209, 97, 59]);
    models.forEach((model) => model.dispose());
  });
});

/** Exact figures of the same networks elsewhere: torchvision's weights (without buffers), and the code of the UNet publication's architecture. */
describe('parameters, one by one', () => {
  it.each<[string, (options: ModelOptions) => tfl.LayersModel, number]>([
    ['MobileNet v1', mobileNetV1, 4_231_976],
    ['MobileNet-v3-large', mobileNetV3Large, 5_483_032],
    ['MobileNet-v3-small', mobileNetV3Small, 2_542_856],
    ['EfficientNet-B0', efficientNetB0, 5_288_548],
    ['DenseNet-121', denseNet121, 7_978_856],
    ['VGG-16-BN', vgg16, 138_365_992],
    ['ResNeXt-101 64x4d', resnext101x64x4d, 83_455_272],
    // 27 161 264 with the auxiliary head's 3 326 696.
    ['Inception-v3', inceptionV3, 23_834_568],
  ])('%s', (_, build, parameters) => {
    const model = build(zeros);
    expect(countTrainable(model)).toBe(parameters);
    model.dispose();
  });

  it('UNet has the 23 convolutions and 31 million parameters of its publication', () => {
    const model = unet({ ...zeros, inputShape: [64, 64, 1], classes: 2, batchNorm: false });
    const kernels = model.trainableWeights.filter(({ shape }) => shape.length === 4);
    expect(kernels).toHaveLength(23);
    const down = [1, 64, 128, 256, 512].map((from, level) => pairParameters(from, 64 * 2 ** level));
    const up = [512, 256, 128, 64].map((to) => 4 * 2 * to * to + to + pairParameters(2 * to, to));
    const expected = [...down, ...up].reduce((sum, count) => sum + count) + 64 * 2 + 2;
    expect(countTrainable(model)).toBe(expected);
    expect(expected / 1e6).toBeCloseTo(31.03, 2);
    model.dispose();
  });

  it('of the widths of MobileNet v1 are those of its authors, as its multiply-adds are, in millions', () => {
    const models = [0.75, 0.5, 0.25].map((width) => mobileNetV1({ ...zeros, width }));
    expect(models.map((model) => Number((countTrainable(model) / 1e6).toFixed(1)))).toEqual([2.6, 1.3, 0.5]);
    expect(models.map((model) => Math.round(countMultiplyAdds(model) / 1e6))).toEqual([325, 149, 41]);
    models.forEach((model) => model.dispose());
  });
});

/** Weights and biases of two 3 × 3 convolutions. */
function pairParameters(from: number, to: number): number {
  return 9 * from * to + to + 9 * to * to + to;
}

describe('countMultiplyAdds', () => {
  const layers = tfl.layers;

  it('counts each kind of layer by hand', () => {
    const count = (input: number[], layer: tfl.layers.Layer): number =>
      countMultiplyAdds(tfl.sequential({ layers: [tfl.layers.inputLayer({ inputShape: input }), layer] }));
    expect(count([8, 6, 3], layers.conv2d({ filters: 5, kernelSize: 3, padding: 'same' }))).toBe(8 * 6 * 9 * 3 * 5);
    expect(count([8, 6, 3], layers.conv2d({ filters: 5, kernelSize: 3, strides: 2, padding: 'valid' }))).toBe(3 * 2 * 9 * 3 * 5);
    expect(count([8, 6, 3], layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same' }))).toBe(8 * 6 * 9 * 3 * 2);
    expect(count([8, 6, 3], layers.separableConv2d({ filters: 4, kernelSize: 3, padding: 'same' }))).toBe(8 * 6 * (9 * 3 + 3 * 4));
    expect(count([8, 6, 3], layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: 'same' }))).toBe(8 * 6 * 9 * 3 * 4);
    expect(count([7], layers.dense({ units: 4 }))).toBe(28);
    expect(count([5, 7], layers.dense({ units: 4 }))).toBe(5 * 28);
    expect(count([7], layers.batchNormalization())).toBe(0);
  });

  it('counts a shared layer each time, and what is nested', () => {
    const input = tfl.input({ shape: [4] });
    const shared = layers.dense({ units: 4 });
    const inner = tfl.sequential({ layers: [layers.dense({ units: 2, inputShape: [4] })] });
    const twice = shared.apply(shared.apply(input)) as tfl.SymbolicTensor;
    const model = tfl.model({ inputs: input, outputs: [inner.apply(twice), inner.apply(input)] as tfl.SymbolicTensor[] });
    expect(countMultiplyAdds(model)).toBe(2 * 16 + 2 * 8);
  });

  it('refuses a picture of unknown size', () => {
    const model = tfl.sequential({ layers: [layers.conv2d({ name: 'loose', filters: 1, kernelSize: 1, inputShape: [null, null, 1] })] });
    expect(() => countMultiplyAdds(model)).toThrow(/layer loose has no fixed size/);
  });
});

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
}

/** Saves and loads a model through memory. */
async function roundTrip(model: tfl.LayersModel): Promise<tfl.LayersModel> {
  const artifacts = await new Promise<tf.io.ModelArtifacts>((resolve, reject) => {
    const keep = (saved: tf.io.ModelArtifacts): Promise<tf.io.SaveResult> => {
      resolve(saved);
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
    };
    model.save(tf.io.withSaveHandler(keep)).catch(reject);
  });
  return tfl.loadLayersModel(tf.io.fromMemory(artifacts));
}

describe('models', () => {
  it.each(Object.keys(zoo))('%s maps pictures to logits, and comes back as it was from its saved form', async (name) => {
    const small: Record<string, ModelOptions> = {
      demo: { inputShape: [28, 28, 1] },
      squeezenet1_1: { inputShape: [48, 48, 3] },
      inception_v3: { inputShape: [75, 75, 3] },
    };
    const model = createModel(name, { inputShape: [32, 32, 3], classes: 7, width: 0.25, ...small[name] });
    expect(model.layers.filter((layer) => layer.name.includes('/'))).toEqual([]);
    const x = tf.randomUniform([2, ...(model.inputs[0]!.shape.slice(1) as number[])], -1, 1, 'float32', 5);
    const loaded = await roundTrip(model);
    const [y, again] = [model.predict(x) as tf.Tensor, loaded.predict(x) as tf.Tensor];
    expect(y.shape).toEqual([2, 7]);
    expect(await again.data()).toEqual(await y.data());
    tf.dispose([x, y, again]);
    model.dispose();
    loaded.dispose();
  });

  it('UNet maps pictures to pictures of the same size', () => {
    const model = unet({ inputShape: [16, 32, 3], width: 0.125, depth: 3, classes: 5 });
    const y = model.predict(tf.zeros([2, 16, 32, 3])) as tf.Tensor;
    expect(y.shape).toEqual([2, 16, 32, 5]);
    y.dispose();
    model.dispose();
  });

  it('activations of mobile networks are those of their publications', async () => {
    const x = tf.tensor1d([-4, -3, -1, 0, 1.5, 3, 5]);
    const of = async (kind: ActivationKind): Promise<number[]> => {
      const y = createActivation(kind, kind).apply(x) as tf.Tensor;
      return Array.from(await y.data());
    };
    expectClose(await of('hardSigmoid'), [0, 0, 1 / 3, 0.5, 0.75, 1, 1]);
    expectClose(await of('hardSwish'), [0, 0, -1 / 3, 0, 1.125, 3, 5]);
    const swish = [-4, -3, -1, 0, 1.5, 3, 5].map((value) => value / (1 + Math.exp(-value)));
    expectClose(await of('swish'), swish);
    x.dispose();
  });

  it('a mean with zeros around the picture counts them, as PyTorch does', async () => {
    const build = createBuilder({});
    const input = imageInput([3, 3, 1]);
    const model = tfl.model({ inputs: input, outputs: build.averagePool(input, 'pool', 3, 1, 1) });
    const y = model.predict(tf.ones([1, 3, 3, 1])) as tf.Tensor;
    expectClose(
      Array.from(await y.data()),
      [4, 6, 4, 6, 9, 6, 4, 6, 4].map((count) => count / 9),
    );
    model.dispose();
  });

  it('an unknown name is refused with the known ones', () => {
    expect(() => createModel('resnet21')).toThrow(NncfError);
    expect(() => createModel('resnet21')).toThrow(/Known are demo, resnet8, resnet20/);
    expect(() => createModel('toString')).toThrow(/no model called toString/);
  });

  it('initial weights depend on the seed alone', () => {
    const [first, again, other] = [1, 1, 2].map((seed) => demoConvNet({ seed }).getWeights()[0]!.dataSync());
    expect(first).toEqual(again);
    expect(first).not.toEqual(other);
  });

  it('a filter that sees one channel starts with the deviation of He et al.', () => {
    const model = mobileNetV2({ variant: 'cifar' });
    const { variance } = tf.moments(model.getLayer('block13.depthwise').getWeights()[0]!);
    expect(variance.dataSync()[0]! * 9).toBeCloseTo(2, 1);
  });

  it('the shortcut of option A takes every second pixel and pads channels on both sides', async () => {
    const model = resnet20({ ...zeros, inputShape: [4, 4, 3] });
    const [subsample, pad] = ['layer2.0.shortcut.subsample', 'layer2.0.shortcut.pad'].map((name) => model.getLayer(name));
    const x = tf.reshape(tf.range(0, 4 * 4 * 16), [1, 4, 4, 16]);
    const y = pad!.apply(subsample!.apply(x)) as tf.Tensor4D;
    expect(y.shape).toEqual([1, 2, 2, 32]);
    const expected = tf.pad(tf.stridedSlice(x, [0, 0, 0, 0], [1, 4, 4, 16], [1, 2, 2, 1]), [
      [0, 0],
      [0, 0],
      [0, 0],
      [8, 8],
    ]);
    expect(await y.data()).toEqual(await expected.data());
  });

  it('PyTorch and TensorFlow pad differently at stride 2 and equally at stride 1', () => {
    const padded = (padding: 'torch' | 'same'): string[] =>
      mobileNetV2({ ...zeros, padding })
        .layers.map((layer) => layer.name)
        .filter((name) => name.endsWith('.pad'));
    expect(padded('torch')).toEqual([
      'stem.pad',
      'block1.depthwise.pad',
      'block3.depthwise.pad',
      'block6.depthwise.pad',
      'block13.depthwise.pad',
    ]);
    expect(padded('same')).toEqual([]);
  });

  it('loses no tensor when it is built and disposed', () => {
    const before = tf.memory().numTensors;
    mobileNetV2({ variant: 'cifar', width: 0.5 }).dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

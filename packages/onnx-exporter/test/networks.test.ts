import type { Tensor } from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useCpu } from './support/cpu.ts';
import { ExportFolder, exported, largestDifference, operations, runOnnx, PEERS_TIMEOUT, preparePeers } from './support/export-case.ts';
import { randomInputs, randomizeWeights } from './support/random-model.ts';

type Symbolic = tfl.SymbolicTensor;
type Layer = tfl.layers.Layer;

const { layers } = tfl;
const apply = (layer: Layer, ...inputs: Symbolic[]): Symbolic =>
  layer.apply(inputs.length === 1 ? (inputs[0] as Symbolic) : inputs) as Symbolic;

/** A model of a chain of layers on pictures of 11 × 8 with 3 channels. */
const onPicture = (...chain: Layer[]): tfl.LayersModel => onShape([11, 8, 3], ...chain);

function onShape(shape: number[], ...chain: Layer[]): tfl.LayersModel {
  const input = tfl.input({ shape });
  const outputs = chain.reduce((x, layer) => apply(layer, x), input);
  return tfl.model({ inputs: input, outputs });
}

const ACTIVATIONS = [
  'elu',
  'gelu',
  'gelu_new',
  'hardSigmoid',
  'linear',
  'mish',
  'relu',
  'relu6',
  'selu',
  'sigmoid',
  'softmax',
  'softplus',
  'softsign',
  'swish',
  'tanh',
] as const;
type Activation = Parameters<typeof layers.activation>[0]['activation'];

type Network = readonly [name: string, build: () => tfl.LayersModel];

const activations: readonly Network[] = ACTIVATIONS.flatMap((name) => {
  const activation = name as Activation;
  return [
    [`conv2d with ${name}`, () => onPicture(layers.conv2d({ filters: 4, kernelSize: 3, activation }))],
    [`dense with ${name}`, () => onShape([6], layers.dense({ units: 5, activation }))],
  ] satisfies Network[];
});

const singleLayers: readonly Network[] = [
  [
    'separableConv2d',
    () => onPicture(layers.separableConv2d({ filters: 5, kernelSize: 3, depthMultiplier: 2, padding: 'same', strides: 2 })),
  ],
  ['depthwiseConv2d', () => onPicture(layers.depthwiseConv2d({ kernelSize: [3, 2], depthMultiplier: 2, activation: 'relu' }))],
  [
    'conv2dTranspose',
    () => onPicture(layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' })),
  ],
  ['dilated conv2d', () => onPicture(layers.conv2d({ filters: 4, kernelSize: 3, dilationRate: 2, padding: 'same' }))],
  ['conv1d', () => onShape([13, 3], layers.conv1d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' }))],
  ['conv1d, dilated', () => onShape([13, 3], layers.conv1d({ filters: 4, kernelSize: 3, dilationRate: 2, padding: 'valid' }))],
  ['conv3d', () => onShape([5, 6, 4, 2], layers.conv3d({ filters: 3, kernelSize: 2, padding: 'same' }))],
  ['conv3dTranspose', () => onShape([3, 4, 2, 2], layers.conv3dTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' }))],
  ['upSampling2d', () => onPicture(layers.upSampling2d({ size: [2, 3] }))],
  ['upSampling2d bilinear', () => onPicture(layers.upSampling2d({ size: [2, 2], interpolation: 'bilinear' }))],
  [
    'cropping2D',
    () =>
      onPicture(
        layers.cropping2D({
          cropping: [
            [1, 2],
            [0, 3],
          ],
        }),
      ),
  ],
  [
    'zeroPadding2d',
    () =>
      onPicture(
        layers.zeroPadding2d({
          padding: [
            [1, 2],
            [0, 3],
          ],
        }),
      ),
  ],
  ['averagePooling2d', () => onPicture(layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }))],
  ['maxPooling1d', () => onShape([13, 3], layers.maxPooling1d({ poolSize: 3, strides: 2, padding: 'same' }))],
  ['averagePooling1d', () => onShape([13, 3], layers.averagePooling1d({ poolSize: 2 }))],
  ['globalAveragePooling1d', () => onShape([13, 3], layers.globalAveragePooling1d({}))],
  ['globalAveragePooling2d', () => onPicture(layers.globalAveragePooling2d({}))],
  ['globalMaxPooling2d', () => onPicture(layers.globalMaxPooling2d({}))],
  ['flatten', () => onPicture(layers.flatten())],
  ['reshape', () => onPicture(layers.reshape({ targetShape: [8, 33] }))],
  ['permute', () => onPicture(layers.permute({ dims: [3, 1, 2] }))],
  ['repeatVector', () => onShape([6], layers.repeatVector({ n: 4 }))],
  ['dense of a sequence', () => onShape([7, 6], layers.dense({ units: 5, activation: 'relu' }))],
  ['batchNormalization', () => onPicture(layers.batchNormalization({}))],
  ['batchNormalization of rows', () => onShape([6], layers.batchNormalization({ scale: false }))],
  ['layerNormalization', () => onShape([7, 6], layers.layerNormalization({}))],
  ['leakyReLU', () => onPicture(layers.leakyReLU({ alpha: 0.2 }))],
  ['prelu', () => onPicture(layers.prelu({ sharedAxes: [1, 2] }), layers.conv2d({ filters: 2, kernelSize: 1 }), layers.prelu())],
  ['thresholdedReLU', () => onPicture(layers.thresholdedReLU({ theta: 0.3 }))],
  ['reLU to a maximum', () => onPicture(layers.reLU({ maxValue: 0.7 }))],
  ['elu layer', () => onPicture(layers.elu())],
  ['softmax layer', () => onShape([4, 5], layers.softmax({ axis: -1 }))],
  [
    'dropout and noise',
    () => onPicture(layers.dropout({ rate: 0.5 }), layers.gaussianNoise({ stddev: 1 }), layers.gaussianDropout({ rate: 0.5 })),
  ],
  ['lstm', () => onShape([5, 6], layers.lstm({ units: 4, recurrentInitializer: 'glorotNormal' }))],
  ['gru sequences', () => onShape([5, 6], layers.gru({ units: 4, returnSequences: true, recurrentInitializer: 'glorotNormal' }))],
  ['simpleRNN', () => onShape([5, 6], layers.simpleRNN({ units: 4, recurrentInitializer: 'glorotNormal' }))],
  [
    'bidirectional',
    () =>
      onShape(
        [5, 6],
        layers.bidirectional({
          layer: layers.gru({ units: 3, returnSequences: true, recurrentInitializer: 'glorotNormal' }) as never,
          mergeMode: 'concat',
        }),
      ),
  ],
  ['timeDistributed', () => onShape([4, 6, 6, 2], layers.timeDistributed({ layer: layers.conv2d({ filters: 3, kernelSize: 3 }) }))],
];

const networks: readonly Network[] = [
  ['residual block', residual],
  ['squeeze and excitation', squeezeExcite],
  ['inception block', inception],
  ['two inputs, two outputs', twoByTwo],
  ['nested models', nested],
  ['a layer used twice', shared],
  ['encoder and decoder with skips', encoderDecoder],
  ['picture and vector merged', merged],
];

function residual(): tfl.LayersModel {
  const input = tfl.input({ shape: [11, 8, 3] });
  const stem = apply(layers.conv2d({ filters: 6, kernelSize: 3, padding: 'same', activation: 'relu' }), input);
  const main = [
    layers.conv2d({ filters: 6, kernelSize: 3, padding: 'same', useBias: false }),
    layers.batchNormalization({}),
    layers.reLU(),
    layers.zeroPadding2d({ padding: 1 }),
    layers.conv2d({ filters: 6, kernelSize: 3 }),
    layers.batchNormalization({}),
  ].reduce((x, layer) => apply(layer, x), stem);
  const sum = apply(layers.reLU(), apply(layers.add(), stem, main));
  const head = apply(layers.dense({ units: 4, activation: 'softmax' }), apply(layers.globalAveragePooling2d({}), sum));
  return tfl.model({ inputs: input, outputs: head });
}

function squeezeExcite(): tfl.LayersModel {
  const input = tfl.input({ shape: [11, 8, 3] });
  const x = apply(layers.conv2d({ filters: 6, kernelSize: 3, activation: 'swish' as Activation }), input);
  const gate = [
    layers.globalAveragePooling2d({}),
    layers.reshape({ targetShape: [1, 1, 6] }),
    layers.conv2d({ filters: 2, kernelSize: 1, activation: 'relu' }),
    layers.conv2d({ filters: 6, kernelSize: 1, activation: 'hardSigmoid' }),
  ].reduce((y, layer) => apply(layer, y), x);
  const scaled = apply(layers.multiply(), x, gate);
  return tfl.model({ inputs: input, outputs: apply(layers.conv2d({ filters: 2, kernelSize: 1 }), scaled) });
}

function inception(): tfl.LayersModel {
  const input = tfl.input({ shape: [11, 8, 3] });
  const branches = [
    apply(layers.conv2d({ filters: 2, kernelSize: 1 }), input),
    apply(layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same' }), input),
    apply(layers.averagePooling2d({ poolSize: 3, strides: 1, padding: 'same' }), input),
  ];
  const joined = apply(layers.concatenate(), ...branches);
  return tfl.model({ inputs: input, outputs: apply(layers.conv2d({ filters: 4, kernelSize: 3, strides: 2 }), joined) });
}

function twoByTwo(): tfl.LayersModel {
  const [a, b] = [tfl.input({ shape: [6] }), tfl.input({ shape: [6] })];
  const sum = apply(layers.dense({ units: 5, activation: 'tanh' }), apply(layers.maximum(), a, b));
  const cosine = apply(layers.dot({ axes: 1 }), a, b);
  return tfl.model({ inputs: [a, b], outputs: [sum, apply(layers.average(), cosine, cosine)] });
}

function nested(): tfl.LayersModel {
  const inner = onShape([11, 8, 3], layers.conv2d({ filters: 4, kernelSize: 3, activation: 'relu' }), layers.maxPooling2d({ poolSize: 2 }));
  const outer = tfl.sequential();
  outer.add(layers.inputLayer({ inputShape: [11, 8, 3] }));
  outer.add(inner as unknown as Layer);
  outer.add(layers.flatten());
  outer.add(layers.dense({ units: 3 }));
  return outer;
}

function shared(): tfl.LayersModel {
  const input = tfl.input({ shape: [8, 8, 4] });
  const conv = layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' });
  return tfl.model({ inputs: input, outputs: apply(layers.minimum(), apply(conv, input), apply(conv, apply(conv, input))) });
}

function encoderDecoder(): tfl.LayersModel {
  const input = tfl.input({ shape: [12, 8, 3] });
  const conv = (filters: number): Layer => layers.conv2d({ filters, kernelSize: 3, padding: 'same', activation: 'relu' });
  const high = apply(conv(4), input);
  const low = apply(conv(6), apply(layers.maxPooling2d({ poolSize: 2 }), high));
  const up = apply(layers.conv2dTranspose({ filters: 4, kernelSize: 2, strides: 2 }), low);
  const joined = apply(conv(4), apply(layers.concatenate(), high, up));
  return tfl.model({ inputs: input, outputs: apply(layers.conv2d({ filters: 3, kernelSize: 1, activation: 'softmax' }), joined) });
}

function merged(): tfl.LayersModel {
  const [picture, vector] = [tfl.input({ shape: [8, 8, 3] }), tfl.input({ shape: [5] })];
  const pooled = apply(
    layers.flatten(),
    apply(layers.averagePooling2d({ poolSize: 8 }), apply(layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }), picture)),
  );
  const joined = apply(layers.concatenate(), pooled, apply(layers.batchNormalization({}), apply(layers.dense({ units: 4 }), vector)));
  return tfl.model({ inputs: [picture, vector], outputs: apply(layers.dense({ units: 2 }), joined) });
}

const folder = new ExportFolder();

describe('a network in ONNX Runtime gives what it gives in TensorFlow.js', () => {
  const all = [...activations, ...singleLayers, ...networks];
  beforeAll(useCpu);
  beforeAll(preparePeers, PEERS_TIMEOUT);
  afterAll(() => folder.remove());

  it.each(all)('%s', async (name, build) => {
    const model = build();
    randomizeWeights(model);
    const bytes = exported(model);
    expect(operations(bytes)['BatchNormalization'] ?? 0).toBe(name === 'batchNormalization of rows' ? 1 : 0);
    for (const batch of [3, 1]) {
      const inputs = randomInputs(model, batch);
      const expected = [model.predict(inputs.length === 1 ? (inputs[0] as Tensor) : inputs)].flat();
      expect(largestDifference(await runOnnx(bytes, inputs), expected)).toBeLessThan(3e-5);
      if (batch === 1) folder.keep(name, bytes, inputs, expected);
    }
  });

  it('and onnx.checker accepts every file, and OpenVINO agrees', () => {
    const reports = folder.check();
    expect(reports.filter(({ checker }) => checker !== null)).toEqual([]);
    expect(reports.filter(({ openvino }) => typeof openvino === 'string' || openvino > 1e-4)).toEqual([]);
    expect(reports.length).toBe(all.length);
  });
});

import type { Tensor } from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { useCpu } from './support/cpu.ts';
import { ExportFolder, exported, largestDifference, runOnnx } from './support/export-case.ts';
import { randomInputs, randomizeWeights } from './support/random-model.ts';

type Symbolic = tfl.SymbolicTensor;
const { layers } = tfl;

/** One step of a random network: takes the pictures made so far, returns one more. */
type Step = (made: readonly Symbolic[]) => Symbolic;

const apply = (layer: tfl.layers.Layer, x: Symbolic | Symbolic[]): Symbolic => layer.apply(x) as Symbolic;
const last = (made: readonly Symbolic[]): Symbolic => made.at(-1) as Symbolic;
const size = (x: Symbolic, axis: number): number => x.shape[axis] ?? 1;

const padding = fc.constantFrom<'same' | 'valid'>('same', 'valid');
const activation = fc.constantFrom('linear', 'relu', 'relu6', 'elu', 'sigmoid', 'tanh', 'hardSigmoid', 'softplus', 'swish');
const kernel = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }));
const stride = fc.integer({ min: 1, max: 2 });

/** A step that is left out where the picture has become too small for it. */
const whereLarge = (step: Step): Step => (made) => (size(last(made), 1) < 4 || size(last(made), 2) < 4 ? last(made) : step(made));

const windowed = fc
  .record({ kind: fc.constantFrom('conv', 'depthwise', 'separable', 'max', 'average'), padding, activation, kernel, stride, filters: fc.integer({ min: 1, max: 5 }) })
  .map(({ kind, kernel: sides, stride: step, ...rest }): Step => {
    const strides = [step, step] as [number, number];
    const act = rest.activation as 'relu';
    return whereLarge((made) => {
      const common = { padding: rest.padding, strides };
      if (kind === 'max') return apply(layers.maxPooling2d({ poolSize: sides, ...common }), last(made));
      if (kind === 'average') return apply(layers.averagePooling2d({ poolSize: sides, ...common }), last(made));
      const conv = { kernelSize: sides, activation: act, ...common };
      if (kind === 'depthwise') return apply(layers.depthwiseConv2d({ ...conv, depthMultiplier: 2 }), last(made));
      const make = kind === 'conv' ? layers.conv2d : layers.separableConv2d;
      return apply(make({ ...conv, filters: rest.filters }), last(made));
    });
  });

const dilated = fc.record({ rate: fc.integer({ min: 1, max: 3 }), padding }).map(({ rate, padding: pad }): Step => {
  return (made) => apply(layers.conv2d({ filters: 3, kernelSize: 2, dilationRate: rate, padding: pad }), last(made));
});

const transposed = fc.record({ padding, stride, kernel }).map(({ padding: pad, stride: step, kernel: sides }): Step => {
  return (made) => apply(layers.conv2dTranspose({ filters: 3, kernelSize: sides, strides: step, padding: pad }), last(made));
});

const plain = fc.constantFrom<Step>(
  (made) => apply(layers.batchNormalization({}), last(made)),
  (made) => apply(layers.reLU({ maxValue: 1 }), last(made)),
  (made) => apply(layers.zeroPadding2d({ padding: [[1, 0], [0, 2]] }), last(made)),
  (made) => apply(layers.permute({ dims: [2, 1, 3] }), last(made)),
  (made) => apply(layers.permute({ dims: [3, 1, 2] }), last(made)),
  (made) => apply(layers.upSampling2d({ size: [2, 1] }), last(made)),
  (made) => apply(layers.leakyReLU(), last(made)),
  (made) => apply(layers.softmax({ axis: -1 }), last(made)),
  (made) => apply(layers.reshape({ targetShape: [size(last(made), 2), size(last(made), 1), size(last(made), 3)] }), last(made)),
  (made) => apply(layers.reshape({ targetShape: [size(last(made), 1) * size(last(made), 2), 1, size(last(made), 3)] }), last(made)),
);

/** Joins the last picture with an earlier one of the same sizes, where there is one. */
const joined = fc.record({ kind: fc.constantFrom('add', 'multiply', 'concatenate', 'maximum'), pick: fc.nat(20) }).map(({ kind, pick }): Step => {
  return (made) => {
    const alike = made.filter((x) => String(x.shape) === String(last(made).shape));
    const other = alike[pick % alike.length] as Symbolic;
    const layer = { add: layers.add, multiply: layers.multiply, concatenate: layers.concatenate, maximum: layers.maximum }[kind];
    return apply((layer as () => tfl.layers.Layer)(), [last(made), other]);
  };
});

const head = fc.constantFrom<Step>(
  last,
  (made) => apply(layers.globalAveragePooling2d({}), last(made)),
  (made) => apply(layers.globalMaxPooling2d({}), last(made)),
  (made) => apply(layers.dense({ units: 3, activation: 'softmax' }), apply(layers.flatten(), last(made))),
  (made) => apply(layers.dense({ units: 2 }), last(made)),
);

const architecture = fc.record({
  shape: fc.tuple(fc.integer({ min: 5, max: 13 }), fc.integer({ min: 5, max: 13 }), fc.integer({ min: 1, max: 4 })),
  steps: fc.array(fc.oneof(windowed, windowed, dilated, transposed, plain, joined, joined), { minLength: 1, maxLength: 7 }),
  head,
});

function build(shape: readonly number[], steps: readonly Step[], end: Step): tfl.LayersModel | undefined {
  const inputs = tfl.input({ shape: [...shape] });
  const made = [inputs];
  for (const step of steps) {
    const next = step(made);
    if (next.shape.slice(1).some((each) => (each ?? 1) < 1 || (each ?? 1) > 60)) break;
    made.push(next);
  }
  const outputs = end(made);
  return outputs === inputs ? undefined : tfl.model({ inputs, outputs });
}

const folder = new ExportFolder();
beforeAll(useCpu);
afterAll(() => folder.remove());

it('any network of these layers computes the same in ONNX Runtime', async () => {
  await fc.assert(
    fc.asyncProperty(architecture, async ({ shape, steps, head: end }) => {
      const model = build(shape, steps, end);
      fc.pre(model !== undefined);
      randomizeWeights(model);
      const bytes = exported(model);
      for (const batch of [2, 1]) {
        const [x] = randomInputs(model, batch);
        const expected = model.predict(x as Tensor) as Tensor;
        const scale = Math.max(1, Number(expected.abs().max().dataSync()[0]));
        expect(largestDifference(await runOnnx(bytes, [x as Tensor]), [expected]) / scale).toBeLessThan(1e-4);
        if (batch === 1) folder.keep('random', bytes, [x as Tensor], [expected.div(scale)]);
      }
    }),
    { numRuns: 50 },
  );
});

it('and onnx.checker accepts it', () => {
  const reports = folder.check();
  expect(reports.length).toBeGreaterThan(25);
  expect(reports.filter(({ checker }) => checker !== null)).toEqual([]);
});

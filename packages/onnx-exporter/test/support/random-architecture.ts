import * as tfl from '@tensorflow/tfjs-layers';
import fc from 'fast-check';

type Symbolic = tfl.SymbolicTensor;
type Layer = tfl.layers.Layer;
const { layers } = tfl;

/** One step of a random network, as data so that a counterexample can be read. */
type Step =
  | { readonly kind: ConvKind; readonly filters: number; readonly window: Window; readonly activation: string }
  | { readonly kind: 'max' | 'average'; readonly window: Window }
  | { readonly kind: 'dilated'; readonly rate: number; readonly padding: Padding }
  | { readonly kind: 'transposed'; readonly window: Window }
  | { readonly kind: 'join'; readonly layer: 'add' | 'multiply' | 'concatenate' | 'maximum'; readonly pick: number }
  | { readonly kind: 'plain'; readonly layer: PlainLayer };

type ConvKind = 'conv' | 'separable' | 'depthwise';
type Padding = 'same' | 'valid';

interface Window {
  readonly kernel: readonly [number, number];
  readonly stride: number;
  readonly padding: Padding;
}

type PlainLayer =
  | 'batchNormalization'
  | 'relu1'
  | 'leakyReLU'
  | 'softmax'
  | 'border'
  | 'widen'
  | 'turn'
  | 'channelsFirst'
  | 'swapSides'
  | 'oneColumn'
  | 'dense';

/** Layers of one input that need no numbers. */
const PLAIN: Readonly<Record<PlainLayer, (shape: number[]) => Layer>> = {
  batchNormalization: () => layers.batchNormalization({}),
  relu1: () => layers.reLU({ maxValue: 1 }),
  leakyReLU: () => layers.leakyReLU(),
  softmax: () => layers.softmax({ axis: -1 }),
  border: () =>
    layers.zeroPadding2d({
      padding: [
        [1, 0],
        [0, 2],
      ],
    }),
  widen: () => layers.upSampling2d({ size: [2, 1] }),
  turn: () => layers.permute({ dims: [2, 1, 3] }),
  channelsFirst: () => layers.permute({ dims: [3, 1, 2] }),
  swapSides: ([, height, width, channels]: number[]) => layers.reshape({ targetShape: [width, height, channels] as number[] }),
  oneColumn: ([, height = 1, width = 1, channels = 1]: number[]) => layers.reshape({ targetShape: [height * width, 1, channels] }),
  dense: () => layers.dense({ units: 3 }),
};

const JOINS = { add: layers.add, multiply: layers.multiply, concatenate: layers.concatenate, maximum: layers.maximum };

type Head = 'none' | 'globalAverage' | 'globalMax' | 'classifier';
const HEADS: Readonly<Record<Head, (x: Symbolic) => Symbolic>> = {
  none: (x: Symbolic) => x,
  globalAverage: (x: Symbolic) => apply(layers.globalAveragePooling2d({}), x),
  globalMax: (x: Symbolic) => apply(layers.globalMaxPooling2d({}), x),
  classifier: (x: Symbolic) => apply(layers.dense({ units: 3, activation: 'softmax' }), apply(layers.flatten(), x)),
};

/** A random network. */
export interface Architecture {
  readonly shape: readonly [number, number, number];
  readonly steps: readonly Step[];
  readonly head: Head;
}

const keysOf = <K extends string>(record: Readonly<Record<K, unknown>>): fc.Arbitrary<K> =>
  fc.constantFrom(...(Object.keys(record) as K[]));

const side = fc.integer({ min: 1, max: 3 });
const padding = fc.constantFrom<Padding>('same', 'valid');
const window: fc.Arbitrary<Window> = fc.record({ kernel: fc.tuple(side, side), stride: fc.integer({ min: 1, max: 2 }), padding });
const activation = fc.constantFrom('linear', 'relu', 'relu6', 'elu', 'sigmoid', 'tanh', 'hardSigmoid', 'softplus', 'swish');
const filters = fc.integer({ min: 1, max: 5 });

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom<ConvKind>('conv', 'separable', 'depthwise'), filters, window, activation }),
  fc.record({ kind: fc.constantFrom<'max' | 'average'>('max', 'average'), window }),
  fc.record({ kind: fc.constant('dilated'), rate: side, padding }),
  fc.record({ kind: fc.constant('transposed'), window }),
  fc.record({ kind: fc.constant('join'), layer: keysOf(JOINS), pick: fc.nat(20) }),
  fc.record({ kind: fc.constant('plain'), layer: keysOf(PLAIN) }),
);

/** Random networks of up to seven layers on small pictures of odd sizes. */
export const architecture: fc.Arbitrary<Architecture> = fc.record({
  shape: fc.tuple(fc.integer({ min: 5, max: 13 }), fc.integer({ min: 5, max: 13 }), fc.integer({ min: 1, max: 4 })),
  steps: fc.array(step, { minLength: 1, maxLength: 7 }),
  head: keysOf(HEADS),
});

/** The network as a model; undefined when nothing is left of it. Steps that the picture is too small or too large for are left out. */
export function buildRandom({ shape, steps, head }: Architecture): tfl.LayersModel | undefined {
  const inputs = tfl.input({ shape: [...shape] });
  const made = [inputs];
  for (const each of steps) {
    const next = take(each, made);
    if (next !== undefined && sizes(next).every((size) => size >= 1 && size <= 60)) made.push(next);
  }
  const outputs = HEADS[head](made.at(-1) as Symbolic);
  return outputs === inputs ? undefined : tfl.model({ inputs, outputs });
}

function take(each: Step, made: readonly Symbolic[]): Symbolic | undefined {
  const x = made.at(-1) as Symbolic;
  if (each.kind === 'join') return join(each, x, made);
  const [, height = 1, width = 1] = sizes(x);
  return height < 4 || width < 4 ? undefined : apply(layerOf(each, sizes(x)), x);
}

// tfjs-layers frees a tensor too early when one layer reads it twice, so the two are never the same.
function join({ layer, pick }: Extract<Step, { kind: 'join' }>, x: Symbolic, made: readonly Symbolic[]): Symbolic | undefined {
  const alike = made.filter((other) => other !== x && String(other.shape) === String(x.shape));
  const other = alike[pick % Math.max(alike.length, 1)];
  return other === undefined ? undefined : ((JOINS[layer] as () => Layer)().apply([x, other]) as Symbolic);
}

function layerOf(each: Exclude<Step, { kind: 'join' }>, shape: number[]): Layer {
  if (each.kind === 'plain') return PLAIN[each.layer](shape);
  if (each.kind === 'dilated') return layers.conv2d({ filters: 3, kernelSize: 2, dilationRate: each.rate, padding: each.padding });
  const { kernel, stride, padding: pad } = each.window;
  const [sides, strides] = [[...kernel] as [number, number], [stride, stride] as [number, number]];
  const common = { kernelSize: sides, strides, padding: pad };
  if (each.kind === 'transposed') return layers.conv2dTranspose({ ...common, filters: 3 });
  if ('filters' in each) return convolution(each, common);
  const make = each.kind === 'max' ? layers.maxPooling2d : layers.averagePooling2d;
  return make({ poolSize: sides, strides, padding: pad });
}

function convolution(
  { kind, filters: count, activation: name }: Extract<Step, { filters: number }>,
  common: { kernelSize: [number, number]; strides: [number, number]; padding: Padding },
): Layer {
  const shared = { ...common, activation: name as 'relu' };
  if (kind === 'depthwise') return layers.depthwiseConv2d({ ...shared, depthMultiplier: 2 });
  return (kind === 'conv' ? layers.conv2d : layers.separableConv2d)({ ...shared, filters: count });
}

function apply(layer: Layer, x: Symbolic): Symbolic {
  return layer.apply(x) as Symbolic;
}

function sizes(x: Symbolic): number[] {
  return x.shape.map((size) => size ?? 1);
}

import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, imageInput, type Builder, type ConvSpec, type ModelOptions } from '../builder.ts';
import { checkDivisible } from './divisible.ts';

/** What ICNet can be asked for. */
export interface IcnetOptions extends ModelOptions {
  /** Adds the two outputs that only training looks at. @default false */
  readonly auxiliary?: boolean;
}

/** Smallest part of the picture that the coarsest branch sees. */
const STRIDE = 32;
/** Cells on a side of the pyramid's averages. */
const PYRAMID: readonly number[] = [1, 2, 3, 6];

/** Convolutions with batch normalization, their channels scaled by the width. */
interface Units {
  readonly build: Builder;
  conv(x: tfl.SymbolicTensor, name: string, spec: ConvSpec): tfl.SymbolicTensor;
  /** The same without the ReLU. */
  linear(x: tfl.SymbolicTensor, name: string, spec: ConvSpec): tfl.SymbolicTensor;
  bottleneck(x: tfl.SymbolicTensor, name: string, spec: BottleneckSpec): tfl.SymbolicTensor;
}

interface BottleneckSpec {
  /** Channels in the middle; four times as many come out. */
  readonly channels: number;
  /** Of the first convolution, as in the publication. @default 1 */
  readonly stride?: number;
  /** @default 1 */
  readonly dilation?: number;
}

/**
 * ICNet (Zhao et al. 2017, arXiv 1704.08545): three branches see the picture at full, half and quarter size; the deep one, a ResNet-50 of half
 * width with dilated last stages and pyramid pooling, sees the smallest. Cascade feature fusion (section 3.3) joins them. The first
 * stages of the two coarse branches are one. Resizing aligns corners. 6.7 million parameters.
 *
 * Layers: `conv1_1` … `conv3_1` on half the size, `conv3_2` … `conv5_4` on a quarter, `sub1.conv1` … `sub1.conv3` on the whole, `cff24`, `cff12`,
 * `conv6`, and with auxiliary outputs `aux24`, `aux4`.
 * @returns model with logits `[batch, height, width, classes]`, with auxiliary outputs also those at an eighth and a sixteenth of the size;
 * input 768 × 960 × 3 and twelve classes (CamVid) unless told otherwise
 * @throws NncfError `INVALID_ARGUMENT` when height or width are no multiples of 32
 */
export function icnet(options: IcnetOptions = {}): tfl.LayersModel {
  const { inputShape = [768, 960, 3], classes = 12, auxiliary = false } = options;
  checkDivisible('ICNet', inputShape, STRIDE);
  const units = createUnits(options);
  const { build } = units;
  const classify = (x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor =>
    build.conv(x, name, { filters: classes, kernel: 1, bias: true });
  const input = imageInput(inputShape);
  const half = halfBranch(units, scaled(build, input, 'half', 1 / 2));
  const quarter = quarterBranch(units, scaled(build, half, 'quarter', 1 / 2));
  const coarse = fuse(units, quarter, half, 'cff24');
  const fine = fuse(units, coarse.fused, fullBranch(units, input), 'cff12');
  const logits = classify(scaled(build, fine.fused, 'cff12.up', 2), 'conv6');
  const output = scaled(build, logits, 'output', 4);
  const others = auxiliary ? [classify(fine.raised, 'aux24'), classify(coarse.raised, 'aux4')] : [];
  return tfl.model({ name: 'icnet', inputs: input, outputs: auxiliary ? [output, ...others] : output });
}

function createUnits(options: IcnetOptions): Units {
  const build = createBuilder(options);
  const { width = 1 } = options;
  const linear: Units['linear'] = (x, name, spec) =>
    build.batchNorm(build.conv(x, name, { padding: padding(spec), ...spec, filters: Math.round(spec.filters * width) }), `${name}.bn`);
  const conv: Units['conv'] = (x, name, spec) => build.relu(linear(x, name, spec), `${name}.relu`);
  return {
    build,
    linear,
    conv,
    bottleneck: (input, name, { channels, stride = 1, dilation = 1 }) => {
      let x = conv(input, `${name}.reduce`, { filters: channels, kernel: 1, stride });
      x = conv(x, `${name}.conv`, { filters: channels, kernel: 3, dilation });
      x = linear(x, `${name}.increase`, { filters: 4 * channels, kernel: 1 });
      const same = stride === 1 && input.shape.at(-1) === x.shape.at(-1);
      const shortcut = same ? input : linear(input, `${name}.proj`, { filters: 4 * channels, kernel: 1, stride });
      return build.relu(build.add([shortcut, x], `${name}.add`), `${name}.relu`);
    },
  };
}

/** As many zeros on every side as keep the size at stride 1. */
function padding({ kernel, dilation = 1 }: ConvSpec): number {
  return typeof kernel === 'number' ? (dilation * (kernel - 1)) / 2 : 0;
}

/** Three convolutions that halve the whole picture. */
function fullBranch({ conv }: Units, input: tfl.SymbolicTensor): tfl.SymbolicTensor {
  return [32, 32, 64].reduce((x, filters, place) => conv(x, `sub1.conv${place + 1}`, { filters, kernel: 3, stride: 2 }), input);
}

/** From half the picture's size to a sixteenth. */
function halfBranch({ build, conv, bottleneck }: Units, input: tfl.SymbolicTensor): tfl.SymbolicTensor {
  let x = conv(input, 'conv1_1', { filters: 32, kernel: 3, stride: 2 });
  x = conv(x, 'conv1_2', { filters: 32, kernel: 3 });
  x = build.maxPool(conv(x, 'conv1_3', { filters: 64, kernel: 3 }), 'pool1', 3, 2, 1);
  for (const block of [1, 2, 3]) x = bottleneck(x, `conv2_${block}`, { channels: 32 });
  return bottleneck(x, 'conv3_1', { channels: 64, stride: 2 });
}

/** At a thirty-second of the picture's size. */
function quarterBranch(units: Units, input: tfl.SymbolicTensor): tfl.SymbolicTensor {
  let x = input;
  for (const block of [2, 3, 4]) x = units.bottleneck(x, `conv3_${block}`, { channels: 64 });
  for (const block of [1, 2, 3, 4, 5, 6]) x = units.bottleneck(x, `conv4_${block}`, { channels: 128, dilation: 2 });
  for (const block of [1, 2, 3]) x = units.bottleneck(x, `conv5_${block}`, { channels: 256, dilation: 4 });
  return units.conv(pyramid(units.build, x), 'conv5_4', { filters: 256, kernel: 1 });
}

/** Adds the means of parts of the picture (Zhao et al. 2016, arXiv 1612.01105, summed instead of joined); parts below a pixel are left out. */
function pyramid(build: Builder, x: tfl.SymbolicTensor): tfl.SymbolicTensor {
  const [height, width] = sizeOf(x);
  const means = PYRAMID.filter((cells) => cells <= Math.min(height, width)).map((cells) => {
    const strides = [Math.floor(height / cells), Math.floor(width / cells)] as const;
    const reach = [height - (cells - 1) * strides[0], width - (cells - 1) * strides[1]] as const;
    const mean = build.averagePool(x, `pool5.${cells}`, reach, strides);
    return build.resize(mean, `pool5.${cells}.up`, [height, width], 'bilinear');
  });
  return build.add([x, ...means], 'conv5_3.sum');
}

/** Cascade feature fusion; `raised` is what the auxiliary classifier looks at. */
function fuse(
  { build, linear }: Units,
  coarse: tfl.SymbolicTensor,
  fine: tfl.SymbolicTensor,
  name: string,
): { readonly fused: tfl.SymbolicTensor; readonly raised: tfl.SymbolicTensor } {
  const raised = build.resize(coarse, `${name}.raised`, sizeOf(fine), 'bilinear');
  const low = linear(raised, `${name}.low`, { filters: 128, kernel: 3, dilation: 2 });
  const high = linear(fine, `${name}.high`, { filters: 128, kernel: 1 });
  return { raised, fused: build.relu(build.add([low, high], `${name}.add`), `${name}.relu`) };
}

function scaled(build: Builder, x: tfl.SymbolicTensor, name: string, factor: number): tfl.SymbolicTensor {
  const [height, width] = sizeOf(x);
  return build.resize(x, name, [height * factor, width * factor], 'bilinear');
}

function sizeOf({ shape }: tfl.SymbolicTensor): [height: number, width: number] {
  return [shape[1] ?? 0, shape[2] ?? 0];
}

import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, imageInput, type Builder, type ModelOptions } from './builder.ts';

/** What a ResNet can be asked for. */
export interface ResnetOptions extends ModelOptions {
  /** `imagenet`: 7 × 7 at stride 2, then a pool at stride 2; `cifar`: 3 × 3 at stride 1. @default 'imagenet' */
  readonly stem?: 'imagenet' | 'cifar';
  /** Which convolution of a bottleneck halves the picture: the second as in torchvision ("v1.5"), or the first as in the paper and in Keras. @default 'conv2' */
  readonly stride?: 'conv1' | 'conv2';
}

interface BlockSpec {
  readonly name: string;
  readonly channels: number;
  readonly stride: number;
}

/** A residual block without its shortcut; `expansion` is the factor from its inner to its outer channels. */
export interface BlockKind {
  readonly expansion: number;
  branch(build: Builder, x: tfl.SymbolicTensor, spec: BlockSpec): tfl.SymbolicTensor;
}

const basic: BlockKind = {
  expansion: 1,
  branch: (build, input, { name, channels, stride }) => {
    let x = build.conv(input, `${name}.conv1`, {
      filters: channels,
      kernel: 3,
      stride,
      padding: 1,
    });
    x = build.relu(build.batchNorm(x, `${name}.bn1`), `${name}.relu1`);
    x = build.conv(x, `${name}.conv2`, { filters: channels, kernel: 3, padding: 1 });
    return build.batchNorm(x, `${name}.bn2`);
  },
};

/**
 * Block of three convolutions; in groups it is that of ResNeXt (Xie et al. 2016, arXiv 1611.05431), each group `base` channels wide where the first stage has 64.
 * @param halving the convolution that has the stride
 */
export function bottleneck(groups = 1, base = 64, halving: 'conv1' | 'conv2' = 'conv2'): BlockKind {
  return {
    expansion: 4,
    branch: (build, input, { name, channels, stride }) => {
      const filters = Math.max(1, Math.floor((channels * base) / 64)) * groups;
      const [first, second] = halving === 'conv1' ? [stride, 1] : [1, stride];
      const spec = { filters, kernel: 3, stride: second, padding: 1 };
      let x = build.conv(input, `${name}.conv1`, { filters, kernel: 1, stride: first, padding: 0 });
      x = build.relu(build.batchNorm(x, `${name}.bn1`), `${name}.relu1`);
      x = groups === 1 ? build.conv(x, `${name}.conv2`, spec) : build.groupedConv(x, `${name}.conv2`, { ...spec, groups });
      x = build.relu(build.batchNorm(x, `${name}.bn2`), `${name}.relu2`);
      x = build.conv(x, `${name}.conv3`, { filters: channels * 4, kernel: 1 });
      return build.batchNorm(x, `${name}.bn3`);
    },
  };
}

/** ResNet-18 (He et al. 2015, arXiv 1512.03385): 11.69 million parameters, 1.8 billion multiply-adds at 224 × 224. */
export function resnet18(options: ResnetOptions = {}): tfl.LayersModel {
  return resnet('resnet18', basic, [2, 2, 2, 2], options);
}

/** ResNet-34: 21.80 million parameters, 3.7 billion multiply-adds at 224 × 224. */
export function resnet34(options: ResnetOptions = {}): tfl.LayersModel {
  return resnet('resnet34', basic, [3, 4, 6, 3], options);
}

/** ResNet-50 as torchvision has it: 25.56 million parameters, 4.1 billion multiply-adds at 224 × 224. */
export function resnet50(options: ResnetOptions = {}): tfl.LayersModel {
  return resnet('resnet50', bottleneck(1, 64, options.stride), [3, 4, 6, 3], options);
}

/** ResNeXt-101 of 64 groups, four channels each in the first stage, as torchvision has it: 83.46 million parameters, 15.5 billion multiply-adds at 224 × 224. */
export function resnext101x64x4d(options: ResnetOptions = {}): tfl.LayersModel {
  return resnet('resnext101_64x4d', bottleneck(64, 4, options.stride), [3, 4, 23, 3], options);
}

/**
 * ResNet with torchvision's layer names and projection shortcuts (option B).
 * @returns model with logits `[batch, classes]`; input 224 × 224 × 3 and 1000 classes, or 32 × 32 × 3 and 10 with the CIFAR stem
 */
function resnet(name: string, kind: BlockKind, blocks: readonly number[], options: ResnetOptions): tfl.LayersModel {
  const cifar = options.stem === 'cifar';
  const { inputShape = cifar ? [32, 32, 3] : [224, 224, 3], classes = cifar ? 10 : 1000, width = 1 } = options;
  const build = createBuilder(options);
  const input = imageInput(inputShape);
  const x = resnetStages(build, input, { kind, blocks, width, cifar }).at(-1)!;
  return tfl.model({
    name,
    inputs: input,
    outputs: build.dense(build.globalAveragePool(x, 'avgpool'), 'fc', classes),
  });
}

/** The convolutions of a ResNet. */
interface StagesSpec {
  readonly kind: BlockKind;
  /** Number of blocks in each stage. */
  readonly blocks: readonly number[];
  readonly width: number;
  /** 3 × 3 at stride 1 in front. @default false */
  readonly cifar?: boolean;
}

/** Outputs of the stages `layer1` … `layer4` of a ResNet, with strides 4, 8, 16 and 32 (a quarter of that with the stem for CIFAR). */
export function resnetStages(build: Builder, input: tfl.SymbolicTensor, spec: StagesSpec): tfl.SymbolicTensor[] {
  const { kind, blocks, width, cifar = false } = spec;
  let x = stem(build, input, Math.round(64 * width), cifar);
  return blocks.map((count, stage) => {
    for (let block = 0; block < count; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const channels = Math.round(64 * 2 ** stage * width);
      x = residual(build, x, kind, { name: `layer${stage + 1}.${block}`, channels, stride });
    }
    return x;
  });
}

function stem(build: Builder, input: tfl.SymbolicTensor, filters: number, cifar: boolean): tfl.SymbolicTensor {
  const spec = cifar ? { filters, kernel: 3, padding: 1 } : { filters, kernel: 7, stride: 2, padding: 3 };
  const x = build.relu(build.batchNorm(build.conv(input, 'conv1', spec), 'bn1'), 'relu1');
  return cifar ? x : build.maxPool(x, 'maxpool', 3, 2, 1);
}

function residual(build: Builder, input: tfl.SymbolicTensor, kind: BlockKind, spec: BlockSpec): tfl.SymbolicTensor {
  const outer = spec.channels * kind.expansion;
  const branch = kind.branch(build, input, spec);
  const same = spec.stride === 1 && input.shape.at(-1) === outer;
  const shortcut = same ? input : projection(build, input, spec, outer);
  return build.relu(build.add([branch, shortcut], `${spec.name}.add`), `${spec.name}.relu`);
}

function projection(build: Builder, input: tfl.SymbolicTensor, spec: BlockSpec, filters: number): tfl.SymbolicTensor {
  const x = build.conv(input, `${spec.name}.downsample.0`, {
    filters,
    kernel: 1,
    stride: spec.stride,
    padding: 'valid',
  });
  return build.batchNorm(x, `${spec.name}.downsample.1`);
}

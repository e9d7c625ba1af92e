import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, imageInput, type Builder, type ConvSpec, type ModelOptions } from './builder.ts';

/** What Inception-v3 can be asked for. */
export interface InceptionV3Options extends ModelOptions {
  /** Dropout before the classifier; the published network has 0.5. @default 0 */
  readonly dropout?: number;
  /** Whether means at the picture's edge count zeros around it, as in torchvision, or not, as in Keras. @default 'zeros' */
  readonly means?: 'zeros' | 'inside';
}

type Kernel = ConvSpec['kernel'];
/** One convolution of a branch: its name in the module, channels, kernel. */
type Step = readonly [name: string, channels: number, kernel: Kernel];

const EPSILON = 1e-3;

/** Convolutions with batch normalization and ReLU, called as in torchvision (`Mixed_5b.branch1x1`). */
interface Units {
  readonly build: Builder;
  conv(x: tfl.SymbolicTensor, name: string, spec: ConvSpec): tfl.SymbolicTensor;
  /** Convolutions one after the other. */
  branch(x: tfl.SymbolicTensor, module: string, steps: readonly Step[]): tfl.SymbolicTensor;
  /** The last convolution of a branch that halves the picture. */
  halving(x: tfl.SymbolicTensor, module: string, [name, channels]: Step): tfl.SymbolicTensor;
  /** A mean of 3 × 3 pixels, zeros around the picture counted, and a 1 × 1 convolution. */
  pooled(x: tfl.SymbolicTensor, module: string, channels: number): tfl.SymbolicTensor;
}

/**
 * Inception-v3 (Szegedy et al. 2015, arXiv 1512.00567) as torchvision has it, without the auxiliary head, which is there in training alone:
 * 23.83 million parameters, 5.71 billion multiply-adds at 299 × 299.
 * @returns model with logits `[batch, classes]`; input 299 × 299 × 3 (at least 75 × 75) and 1000 classes unless told otherwise
 */
export function inceptionV3(options: InceptionV3Options = {}): tfl.LayersModel {
  const { inputShape = [299, 299, 3], classes = 1000, dropout = 0 } = options;
  const units = createUnits(options);
  const { build } = units;
  const input = imageInput(inputShape);
  let x = stem(units, input);
  [32, 64, 64].forEach((pool, place) => (x = moduleA(units, x, `Mixed_5${'bcd'[place]}`, pool)));
  x = reductionB(units, x, 'Mixed_6a');
  [128, 160, 160, 192].forEach((narrow, place) => (x = moduleC(units, x, `Mixed_6${'bcde'[place]}`, narrow)));
  x = reductionD(units, x, 'Mixed_7a');
  for (const name of ['Mixed_7b', 'Mixed_7c']) x = moduleE(units, x, name);
  x = build.dropout(build.globalAveragePool(x, 'avgpool'), 'dropout', dropout);
  return tfl.model({ name: 'inception_v3', inputs: input, outputs: build.dense(x, 'fc', classes) });
}

function createUnits(options: InceptionV3Options): Units {
  const build = createBuilder(options);
  const { width = 1, means = 'zeros' } = options;
  const conv: Units['conv'] = (x, name, spec) => {
    const y = build.conv(x, `${name}.conv`, { ...spec, filters: Math.round(spec.filters * width) });
    return build.relu(build.batchNorm(y, `${name}.bn`, EPSILON), `${name}.relu`);
  };
  return {
    build,
    conv,
    branch: (x, module, steps) => steps.reduce((y, [name, filters, kernel]) => conv(y, `${module}.${name}`, { filters, kernel }), x),
    halving: (x, module, [name, filters, kernel]) => conv(x, `${module}.${name}`, { filters, kernel, stride: 2, padding: 'valid' }),
    pooled: (x, module, filters) =>
      conv(build.averagePool(x, `${module}.avgpool`, 3, 1, means === 'zeros' ? 1 : 'same'), `${module}.branch_pool`, {
        filters,
        kernel: 1,
      }),
  };
}

function stem({ build, conv }: Units, input: tfl.SymbolicTensor): tfl.SymbolicTensor {
  let x = conv(input, 'Conv2d_1a_3x3', { filters: 32, kernel: 3, stride: 2, padding: 'valid' });
  x = conv(x, 'Conv2d_2a_3x3', { filters: 32, kernel: 3, padding: 'valid' });
  x = build.maxPool(conv(x, 'Conv2d_2b_3x3', { filters: 64, kernel: 3 }), 'maxpool1', 3, 2);
  x = conv(x, 'Conv2d_3b_1x1', { filters: 80, kernel: 1 });
  return build.maxPool(conv(x, 'Conv2d_4a_3x3', { filters: 192, kernel: 3, padding: 'valid' }), 'maxpool2', 3, 2);
}

/** Figure 5 of the paper. */
function moduleA({ build, branch, pooled }: Units, x: tfl.SymbolicTensor, name: string, pool: number): tfl.SymbolicTensor {
  const five: readonly Step[] = [
    ['branch5x5_1', 48, 1],
    ['branch5x5_2', 64, 5],
  ];
  const three: readonly Step[] = [
    ['branch3x3dbl_1', 64, 1],
    ['branch3x3dbl_2', 96, 3],
    ['branch3x3dbl_3', 96, 3],
  ];
  const branches = [branch(x, name, [['branch1x1', 64, 1]]), branch(x, name, five), branch(x, name, three), pooled(x, name, pool)];
  return build.concat(branches, `${name}.concat`);
}

/** Halves the picture: figure 10. */
function reductionB({ build, branch, halving }: Units, x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor {
  const steps: readonly Step[] = [
    ['branch3x3dbl_1', 64, 1],
    ['branch3x3dbl_2', 96, 3],
  ];
  const branches = [
    halving(x, name, ['branch3x3', 384, 3]),
    halving(branch(x, name, steps), name, ['branch3x3dbl_3', 96, 3]),
    build.maxPool(x, `${name}.maxpool`, 3, 2),
  ];
  return build.concat(branches, `${name}.concat`);
}

/** Figure 6. */
function moduleC({ build, branch, pooled }: Units, x: tfl.SymbolicTensor, name: string, narrow: number): tfl.SymbolicTensor {
  const seven: readonly Step[] = [
    ['branch7x7_1', narrow, 1],
    ['branch7x7_2', narrow, [1, 7]],
    ['branch7x7_3', 192, [7, 1]],
  ];
  const double: readonly Step[] = [
    ['branch7x7dbl_1', narrow, 1],
    ['branch7x7dbl_2', narrow, [7, 1]],
    ['branch7x7dbl_3', narrow, [1, 7]],
    ['branch7x7dbl_4', narrow, [7, 1]],
    ['branch7x7dbl_5', 192, [1, 7]],
  ];
  const branches = [branch(x, name, [['branch1x1', 192, 1]]), branch(x, name, seven), branch(x, name, double), pooled(x, name, 192)];
  return build.concat(branches, `${name}.concat`);
}

/** Halves the picture again. */
function reductionD({ build, branch, halving }: Units, x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor {
  const seven: readonly Step[] = [
    ['branch7x7x3_1', 192, 1],
    ['branch7x7x3_2', 192, [1, 7]],
    ['branch7x7x3_3', 192, [7, 1]],
  ];
  const branches = [
    halving(branch(x, name, [['branch3x3_1', 192, 1]]), name, ['branch3x3_2', 320, 3]),
    halving(branch(x, name, seven), name, ['branch7x7x3_4', 192, 3]),
    build.maxPool(x, `${name}.maxpool`, 3, 2),
  ];
  return build.concat(branches, `${name}.concat`);
}

/** Figure 7: two branches fork once more. */
function moduleE({ build, branch, pooled }: Units, x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor {
  const fork = (y: tfl.SymbolicTensor, stem: string): tfl.SymbolicTensor => {
    const sides = [branch(y, name, [[`${stem}a`, 384, [1, 3]]]), branch(y, name, [[`${stem}b`, 384, [3, 1]]])];
    return build.concat(sides, `${name}.${stem}.concat`);
  };
  const double: readonly Step[] = [
    ['branch3x3dbl_1', 448, 1],
    ['branch3x3dbl_2', 384, 3],
  ];
  const branches = [
    branch(x, name, [['branch1x1', 320, 1]]),
    fork(branch(x, name, [['branch3x3_1', 384, 1]]), 'branch3x3_2'),
    fork(branch(x, name, double), 'branch3x3dbl_3'),
    pooled(x, name, 192),
  ];
  return build.concat(branches, `${name}.concat`);
}

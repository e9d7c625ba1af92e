import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, divisibleBy8, imageInput, type Builder, type ModelOptions } from './builder.ts';
import { invertedResidual } from './inverted-residual.ts';

/** What EfficientNet can be asked for. */
export interface EfficientNetOptions extends ModelOptions {
  /** Dropout before the classifier; the published network has 0.2. @default 0 */
  readonly dropout?: number;
  /** `torch`: zeros on every side; `same`: TensorFlow's, as in Keras. They differ at stride 2. @default 'torch' */
  readonly padding?: 'torch' | 'same';
}

interface Stage {
  readonly expansion: number;
  readonly kernel: number;
  readonly stride: number;
  readonly channels: number;
  readonly blocks: number;
}

/** Table 1 of the paper. */
const STAGES: readonly Stage[] = [
  { expansion: 1, kernel: 3, stride: 1, channels: 16, blocks: 1 },
  { expansion: 6, kernel: 3, stride: 2, channels: 24, blocks: 2 },
  { expansion: 6, kernel: 5, stride: 2, channels: 40, blocks: 2 },
  { expansion: 6, kernel: 3, stride: 2, channels: 80, blocks: 3 },
  { expansion: 6, kernel: 5, stride: 1, channels: 112, blocks: 3 },
  { expansion: 6, kernel: 5, stride: 2, channels: 192, blocks: 4 },
  { expansion: 6, kernel: 3, stride: 1, channels: 320, blocks: 1 },
];

const EPSILON = 1e-5;

/**
 * EfficientNet-B0 (Tan and Le 2019, arXiv 1905.11946) as torchvision has it, without stochastic depth, which is there in training alone:
 * 5.29 million parameters and 386 million multiply-adds at 224 × 224. Layers: `stem`, `block0` … `block15` with `expand`, `depthwise`,
 * `se.reduce`, `se.expand`, `project`, `head`, `classifier`.
 * @returns model with logits `[batch, classes]`; input 224 × 224 × 3 and 1000 classes unless told otherwise
 */
export function efficientNetB0(options: EfficientNetOptions = {}): tfl.LayersModel {
  const { inputShape = [224, 224, 3], classes = 1000, width = 1, dropout = 0, padding = 'torch' } = options;
  const build = createBuilder(options);
  const input = imageInput(inputShape);
  const stem = build.conv(input, 'stem', {
    filters: divisibleBy8(32 * width),
    kernel: 3,
    stride: 2,
    padding: padding === 'same' ? 'same' : 1,
  });
  let x = stages(build, swished(build, stem, 'stem'), width, padding);
  x = swished(build, build.conv(x, 'head', { filters: divisibleBy8(1280 * width), kernel: 1 }), 'head');
  x = build.dropout(build.globalAveragePool(x, 'avgpool'), 'dropout', dropout);
  return tfl.model({ name: 'efficientnet_b0', inputs: input, outputs: build.dense(x, 'classifier', classes) });
}

function stages(build: Builder, input: tfl.SymbolicTensor, width: number, padding: 'torch' | 'same'): tfl.SymbolicTensor {
  let x = input;
  let index = 0;
  for (const { expansion, kernel, stride, channels, blocks } of STAGES) {
    for (let place = 0; place < blocks; place++) {
      const inner = x.shape.at(-1) ?? 0;
      x = invertedResidual(build, x, `block${index++}`, {
        kernel,
        stride: place === 0 ? stride : 1,
        expanded: inner * expansion,
        channels: divisibleBy8(channels * width),
        activation: 'swish',
        // A quarter of what enters the block, not of what is squeezed.
        squeeze: { channels: Math.max(1, Math.floor(inner / 4)), activation: 'swish', gate: 'sigmoid' },
        epsilon: EPSILON,
        padding: padding === 'same' ? 'same' : undefined,
      });
    }
  }
  return x;
}

function swished(build: Builder, x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor {
  return build.activation(build.batchNorm(x, `${name}.bn`, EPSILON), `${name}.act`, 'swish');
}

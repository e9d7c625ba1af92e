import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, imageInput, type Builder, type ModelOptions } from './builder.ts';

/** Layers of the dense blocks. */
const BLOCKS: readonly number[] = [6, 12, 24, 16];
const GROWTH = 32;
/** Channels of a layer's first convolution, in multiples of the growth. */
const BOTTLENECK = 4;

/**
 * DenseNet-121 (Huang et al. 2016, arXiv 1608.06993): 7.98 million parameters, 2.83 billion multiply-adds at 224 × 224. Layers are named as
 * in torchvision: `conv0`, `denseblock1.denselayer1.norm1`, `transition1.conv`, `norm5`, `classifier`. A layer adds its channels to those
 * before by one concatenation each, which is the same function as one of all.
 * @returns model with logits `[batch, classes]`; input 224 × 224 × 3 and 1000 classes unless told otherwise
 */
export function denseNet121(options: ModelOptions = {}): tfl.LayersModel {
  const { inputShape = [224, 224, 3], classes = 1000, width = 1 } = options;
  const build = createBuilder(options);
  const growth = Math.round(GROWTH * width);
  const input = imageInput(inputShape);
  let x = build.conv(input, 'conv0', { filters: 2 * growth, kernel: 7, stride: 2, padding: 3 });
  x = build.maxPool(build.relu(build.batchNorm(x, 'norm0'), 'relu0'), 'pool0', 3, 2, 1);
  BLOCKS.forEach((layers, index) => {
    if (index > 0) x = transition(build, x, `transition${index}`);
    for (let layer = 1; layer <= layers; layer++) x = denseLayer(build, x, `denseblock${index + 1}.denselayer${layer}`, growth);
  });
  x = build.globalAveragePool(build.relu(build.batchNorm(x, 'norm5'), 'relu5'), 'avgpool');
  return tfl.model({ name: 'densenet121', inputs: input, outputs: build.dense(x, 'classifier', classes) });
}

function denseLayer(build: Builder, input: tfl.SymbolicTensor, name: string, growth: number): tfl.SymbolicTensor {
  let x = build.relu(build.batchNorm(input, `${name}.norm1`), `${name}.relu1`);
  x = build.conv(x, `${name}.conv1`, { filters: BOTTLENECK * growth, kernel: 1 });
  x = build.relu(build.batchNorm(x, `${name}.norm2`), `${name}.relu2`);
  x = build.conv(x, `${name}.conv2`, { filters: growth, kernel: 3, padding: 1 });
  return build.concat([input, x], `${name}.concat`);
}

function transition(build: Builder, input: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor {
  const filters = Math.floor((input.shape.at(-1) ?? 0) / 2);
  const x = build.relu(build.batchNorm(input, `${name}.norm`), `${name}.relu`);
  return build.averagePool(build.conv(x, `${name}.conv`, { filters, kernel: 1 }), `${name}.pool`, 2, 2);
}

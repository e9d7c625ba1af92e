import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, imageInput, type Builder, type ModelOptions } from './builder.ts';

/**
 * ResNet-8 of MLPerf Tiny for CIFAR-10 (Banbury et al. 2021, arXiv 2106.07597): 79 thousand parameters, 12.5 million multiply-adds.
 * Convolutions have biases and batch normalization; the input is RGB 0 … 255, unscaled.
 * @returns model with logits `[batch, classes]` (the benchmark's softmax is left out); input 32 × 32 × 3 and 10 classes
 * unless told otherwise
 */
export function resnet8(options: ModelOptions = {}): tfl.LayersModel {
  const { inputShape = [32, 32, 3], classes = 10, width = 1 } = options;
  const build = createBuilder(options);
  const input = imageInput(inputShape);
  const channels = [16, 32, 64].map((count) => Math.round(count * width));
  let x = build.relu(
    convNorm(build, input, {
      name: 'stem.conv',
      norm: 'stem.bn',
      filters: channels[0]!,
      stride: 1,
    }),
    'stem.relu',
  );
  channels.forEach((filters, stage) => {
    x = stack(build, x, `stack${stage + 1}`, filters, stage === 0 ? 1 : 2);
  });
  return tfl.model({
    name: 'resnet8',
    inputs: input,
    outputs: build.dense(build.globalAveragePool(x, 'avgpool'), 'dense', classes),
  });
}

interface ConvNorm {
  readonly name: string;
  readonly norm: string;
  readonly filters: number;
  readonly stride: number;
}

function convNorm(build: Builder, x: tfl.SymbolicTensor, spec: ConvNorm): tfl.SymbolicTensor {
  const { name, norm, filters, stride } = spec;
  return build.batchNorm(build.conv(x, name, { filters, kernel: 3, stride, bias: true }), norm, 1e-3);
}

function stack(build: Builder, input: tfl.SymbolicTensor, name: string, filters: number, stride: number): tfl.SymbolicTensor {
  let x = convNorm(build, input, { name: `${name}.conv1`, norm: `${name}.bn1`, filters, stride });
  x = build.relu(x, `${name}.relu1`);
  x = convNorm(build, x, { name: `${name}.conv2`, norm: `${name}.bn2`, filters, stride: 1 });
  const projected = stride > 1;
  const shortcut = projected ? build.conv(input, `${name}.shortcut`, { filters, kernel: 1, stride, bias: true }) : input;
  return build.relu(build.add([shortcut, x], `${name}.add`), `${name}.relu2`);
}

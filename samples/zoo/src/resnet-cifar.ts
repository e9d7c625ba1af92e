import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, imageInput, type Builder, type ModelOptions } from './builder.ts';

/**
 * ResNet of 6n + 2 layers for CIFAR (He et al. 2015, arXiv 1512.03385, section 4.2): three stages of n blocks with 16, 32 and
 * 64 channels, and shortcuts without parameters (option A). Convolutions pad one zero on every side. Layer names are those
 * of the published PyTorch weights; ResNet-20 has 0.27 million parameters.
 * @returns model with logits `[batch, classes]`; input 32 × 32 × 3 and 10 classes unless told otherwise
 */
function cifarResnet(depth: number, options: ModelOptions): tfl.LayersModel {
  const { inputShape = [32, 32, 3], classes = 10, width = 1 } = options;
  const build = createBuilder(options);
  const channels = [16, 32, 64].map((count) => Math.round(count * width));
  const input = imageInput(inputShape);
  let x = build.conv(input, 'conv1', { filters: channels[0]!, kernel: 3, padding: 1 });
  x = build.relu(build.batchNorm(x, 'bn1'), 'relu1');
  channels.forEach((filters, stage) => {
    for (let block = 0; block < (depth - 2) / 6; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      x = basicBlock(build, x, `layer${stage + 1}.${block}`, filters, stride);
    }
  });
  x = build.dense(build.globalAveragePool(x, 'avgpool'), 'linear', classes);
  return tfl.model({ name: `resnet${depth}`, inputs: input, outputs: x });
}

/** ResNet-20: 0.27 million parameters, 41 million multiply-adds. See He et al. 2015, table 6. */
export function resnet20(options: ModelOptions = {}): tfl.LayersModel {
  return cifarResnet(20, options);
}

/** ResNet-32: 0.46 million parameters. */
export function resnet32(options: ModelOptions = {}): tfl.LayersModel {
  return cifarResnet(32, options);
}

/** ResNet-44: 0.66 million parameters. */
export function resnet44(options: ModelOptions = {}): tfl.LayersModel {
  return cifarResnet(44, options);
}

/** ResNet-56: 0.85 million parameters. */
export function resnet56(options: ModelOptions = {}): tfl.LayersModel {
  return cifarResnet(56, options);
}

/** ResNet-110: 1.7 million parameters. */
export function resnet110(options: ModelOptions = {}): tfl.LayersModel {
  return cifarResnet(110, options);
}

function basicBlock(build: Builder, input: tfl.SymbolicTensor, name: string, filters: number, stride: number): tfl.SymbolicTensor {
  let x = build.conv(input, `${name}.conv1`, { filters, kernel: 3, stride, padding: 1 });
  x = build.relu(build.batchNorm(x, `${name}.bn1`), `${name}.relu1`);
  x = build.conv(x, `${name}.conv2`, { filters, kernel: 3, padding: 1 });
  x = build.batchNorm(x, `${name}.bn2`);
  x = build.add([x, shortcut(build, input, name, filters, stride)], `${name}.add`);
  return build.relu(x, `${name}.relu2`);
}

/** Option A: every second row and column (a pool of one pixel), zero channels half in front and half behind. */
function shortcut(build: Builder, input: tfl.SymbolicTensor, name: string, filters: number, stride: number): tfl.SymbolicTensor {
  const missing = filters - (input.shape.at(-1) ?? 0);
  const x = stride === 1 ? input : build.maxPool(input, `${name}.shortcut.subsample`, 1, stride);
  if (missing === 0) return x;
  const before = Math.floor(missing / 2);
  return build.channelPad(x, `${name}.shortcut.pad`, before, missing - before);
}

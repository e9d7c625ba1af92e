import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, imageInput, type ModelOptions } from './builder.ts';

/**
 * A small convolutional network with batch normalization for 28 × 28 grey pictures: four convolutions of 16, 32, 64 and 64
 * channels and two dense layers; 0.19 million parameters, 2.6 million multiply-adds.
 * @returns model with logits `[batch, classes]`; input 28 × 28 × 1 and 10 classes unless told otherwise
 */
export function demoConvNet(options: ModelOptions = {}): tfl.LayersModel {
  const { inputShape = [28, 28, 1], classes = 10, width = 1 } = options;
  const build = createBuilder(options);
  const input = imageInput(inputShape);
  const block = (x: tfl.SymbolicTensor, index: number, channels: number, stride: number): tfl.SymbolicTensor => {
    const filters = Math.round(channels * width);
    const y = build.conv(x, `conv${index}`, { filters, kernel: 3, stride });
    return build.relu(build.batchNorm(y, `bn${index}`), `relu${index}`);
  };
  let x = block(input, 1, 16, 2);
  x = block(x, 2, 32, 1);
  x = block(build.maxPool(x, 'pool', 2, 2), 3, 64, 1);
  x = build.flatten(block(x, 4, 64, 2), 'flatten');
  x = build.dense(x, 'dense', Math.round(128 * width), 'relu');
  return tfl.model({
    name: 'demo_conv_net',
    inputs: input,
    outputs: build.dense(x, 'classifier', classes),
  });
}

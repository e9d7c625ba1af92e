import * as tfl from '@tensorflow/tfjs-layers';
import { createMemoryDataset, type MemoryDataset } from '@nncf/datasets';

/** Pictures of one bright row (class 0) or one bright column (class 1), 6 × 6. */
export function stripes(size: number): MemoryDataset {
  const labels = Int32Array.from({ length: size }, (_, index) => index % 2);
  const pixels = new Uint8Array(size * 36);
  labels.forEach((label, index) => {
    for (let place = 0; place < 6; place++) pixels[index * 36 + (label === 0 ? (index % 6) * 6 + place : place * 6 + (index % 6))] = 255;
  });
  return createMemoryDataset({
    name: 'stripes',
    imageShape: [6, 6, 1],
    classNames: ['row', 'column'],
    normalization: { mean: [0.5], std: [0.5] },
    pixels,
    labels,
  });
}

/** A convolution, batch normalization and a dense layer. */
export function tinyNetwork(seed = 1): tfl.LayersModel {
  const kernelInitializer = tfl.initializers.heNormal({ seed });
  return tfl.sequential({
    layers: [
      tfl.layers.conv2d({ inputShape: [6, 6, 1], filters: 4, kernelSize: 3, useBias: false, kernelInitializer, name: 'conv' }),
      tfl.layers.batchNormalization({ name: 'bn', momentum: 0.5 }),
      tfl.layers.reLU({ name: 'relu' }),
      tfl.layers.flatten({ name: 'flatten' }),
      tfl.layers.dense({ units: 2, kernelInitializer, name: 'dense' }),
    ],
  });
}

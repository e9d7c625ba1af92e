import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { batches, type ImageDataset } from '@nncf/datasets';

/** Mean and deviation of what a layer computes, for each of its channels. */
export interface ChannelStatistics {
  readonly mean: tf.Tensor1D;
  readonly deviation: tf.Tensor1D;
}

/** Number of pictures in a pass: intermediate results of a whole network take much memory. */
const BATCH = 32;

/**
 * Runs pictures through a network and measures the outputs of some layers.
 * @param images number of pictures, a multiple of 32
 */
export async function channelStatistics(
  model: tfl.LayersModel,
  layers: readonly string[],
  dataset: ImageDataset,
  images: number,
): Promise<Map<string, ChannelStatistics>> {
  const tapped = tfl.model({ inputs: model.inputs, outputs: layers.map((name) => model.getLayer(name).output as tfl.SymbolicTensor) });
  let sums: tf.Tensor[][] = [];
  let passes = 0;
  for await (const { xs } of batches(dataset, { batchSize: BATCH, shuffle: true })) {
    if (passes++ * BATCH >= images) break;
    const before = sums;
    sums = tf.tidy(() => addTo(before, [tapped.predict(xs)].flat()));
    tf.dispose(before);
  }
  const result = new Map(layers.map((name, index) => [name, toStatistics(sums[index]!, Math.ceil(images / BATCH))] as const));
  tf.dispose(sums);
  return result;
}

/** Mean and mean square of each output over everything but channels, added to those before. */
function addTo(sums: readonly tf.Tensor[][], outputs: readonly tf.Tensor[]): tf.Tensor[][] {
  return outputs.map((output, index) => {
    const moments = [output, tf.square(output)].map((each) => tf.mean(each, [0, 1, 2]));
    return moments.map((moment, order) => (sums[index] === undefined ? moment : tf.add(moment, sums[index][order]!)));
  });
}

function toStatistics([first, second]: readonly tf.Tensor[], passes: number): ChannelStatistics {
  return tf.tidy(() => {
    const mean = tf.div(first!, passes) as tf.Tensor1D;
    const variance = tf.sub(tf.div(second!, passes), tf.square(mean));
    return { mean, deviation: tf.sqrt(tf.maximum(variance, 1e-12)) as tf.Tensor1D };
  });
}

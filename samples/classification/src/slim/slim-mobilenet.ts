import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type { ImageDataset } from '@nncf/datasets';
import { channelStatistics, type ChannelStatistics } from './channel-statistics.ts';

/** Blocks that add to the same tensor, and so keep the same channels. */
const STREAMS: readonly (readonly number[])[] = [[0], [1, 2], [3, 4, 5], [6, 7, 8, 9], [10, 11, 12], [13, 14, 15], [16]];

/** Channels kept of what each layer computes. */
type Kept = ReadonlyMap<string, tf.Tensor1D>;

/** Convolutions in their order. */
function convolutions(): string[] {
  const blocks = STREAMS.flat().flatMap((block) =>
    (block === 0 ? ['depthwise', 'project'] : ['expand', 'depthwise', 'project']).map((part) => `block${block}.${part}`),
  );
  return ['stem', ...blocks, 'head'];
}

/**
 * Starts a narrow MobileNet-v2 with batch normalization from a wide trained one without: the strongest channels keep their
 * kernels, and batch normalization gives each the mean and deviation that it has in the wide network on these pictures. The
 * classifier stays as it is.
 *
 * Strength of an inner channel is the deviation of its depthwise output times the norm of the row that reads it, that of a
 * channel between blocks its summed deviation.
 */
export async function slimMobileNet(wide: tfl.LayersModel, narrow: tfl.LayersModel, dataset: ImageDataset, images = 512): Promise<void> {
  const statistics = await channelStatistics(wide, convolutions(), dataset, images);
  tf.tidy(() => {
    const kept = chooseChannels(wide, narrow, statistics);
    for (const name of convolutions()) copyLayer(wide, narrow, name, kept, statistics);
  });
  for (const each of statistics.values()) tf.dispose([each.mean, each.deviation]);
}

function kernelOf(model: tfl.LayersModel, name: string): tf.Tensor4D {
  return model.getLayer(name).getWeights()[0] as tf.Tensor4D;
}

/** Number of channels that a layer computes. */
function width(model: tfl.LayersModel, name: string): number {
  return (model.getLayer(name).outputShape as tfl.Shape).at(-1) ?? 0;
}

function chooseChannels(wide: tfl.LayersModel, narrow: tfl.LayersModel, statistics: ReadonlyMap<string, ChannelStatistics>): Kept {
  const kept = new Map<string, tf.Tensor1D>();
  for (const stream of STREAMS) {
    const strength = tf.addN(stream.map((block) => statistics.get(`block${block}.project`)!.deviation));
    const chosen = strongest(strength, width(narrow, `block${stream[0]}.project`));
    for (const block of stream) {
      kept.set(`block${block}.project`, chosen);
      const inner = strongest(innerStrength(wide, block, statistics), width(narrow, `block${block}.depthwise`));
      kept.set(`block${block}.depthwise`, inner).set(block === 0 ? 'stem' : `block${block}.expand`, inner);
    }
  }
  return kept.set('head', tf.range(0, width(narrow, 'head'), 1, 'int32'));
}

function innerStrength(wide: tfl.LayersModel, block: number, statistics: ReadonlyMap<string, ChannelStatistics>): tf.Tensor {
  const rows = tf.sqrt(tf.sum(tf.square(kernelOf(wide, `block${block}.project`)), [0, 1, 3]));
  return tf.mul(statistics.get(`block${block}.depthwise`)!.deviation, rows);
}

/** Places of the `count` largest values, in their order. */
function strongest(values: tf.Tensor, count: number): tf.Tensor1D {
  const { indices } = tf.topk(values, count);
  return tf.tensor1d(indices.dataSync().toSorted(), 'int32');
}

function copyLayer(
  wide: tfl.LayersModel,
  narrow: tfl.LayersModel,
  name: string,
  kept: Kept,
  statistics: ReadonlyMap<string, ChannelStatistics>,
): void {
  const out = kept.get(name)!;
  const kernel = kernelOf(wide, name);
  const sliced = name.endsWith('.depthwise') ? tf.gather(kernel, out, 2) : tf.gather(tf.gather(kernel, inputOf(name, kept), 2), out, 3);
  narrow.getLayer(name).setWeights([sliced]);
  const [mean, deviation] = [statistics.get(name)!.mean, statistics.get(name)!.deviation].map((each) => tf.gather(each, out));
  narrow.getLayer(`${name}.bn`).setWeights([deviation!, mean!, mean!, tf.square(deviation!)]);
}

/** Channels kept of what a layer reads; of the picture, all. */
function inputOf(name: string, kept: Kept): tf.Tensor1D {
  if (name === 'stem') return tf.range(0, 3, 1, 'int32');
  const order = convolutions();
  return kept.get(order[order.indexOf(name) - 1]!)!;
}

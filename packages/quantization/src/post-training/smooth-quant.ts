import type { InitializeContext, NodeObserver } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import { float32Values } from '../tensor-values.ts';
import { channelPeaks, scaleBetween, type ScalablePair } from './equalization.ts';
import type { Originals } from './originals.ts';

/** A channel whose peak is a smaller share of the largest is treated as if it had this one: it may wake up on other data. */
const SMALLEST_SHARE = 1e-3;

/**
 * Shares out the spread of channels between a layer's result and the weights that read it (SmoothQuant, arXiv 2211.10438, section 4). With peaks a of
 * the result and w of those weights, channel by channel: the result is divided, and the weights are multiplied, by a^α / w^(1 − α). Where only
 * depthwise convolutions read, weights have a scale for every such channel anyway, and α is 1.
 */
export function smooth(peaks: ReadonlyMap<ScalablePair, Float32Array>, alpha: number, originals: Originals): void {
  for (const [pair, results] of peaks) {
    const share = pair.consumers.every(({ op }) => op === 'DepthwiseConv2dNative') ? 1 : alpha;
    scaleBetween(pair, smoothingFactors(results, readingPeaks(pair), share), originals);
  }
}

/** a^α / w^(1 − α), and 1 where a channel is dead on either side. */
export function smoothingFactors(results: Float32Array, weights: Float32Array, alpha: number): Float32Array {
  const [a, w] = [lifted(results), lifted(weights)];
  return a.map((peak, channel) => {
    const factor = peak ** alpha / w[channel]! ** (1 - alpha);
    return factor > 0 && Number.isFinite(factor) ? factor : 1;
  });
}

function lifted(peaks: Float32Array): Float32Array {
  const least = SMALLEST_SHARE * peaks.reduce((most, peak) => Math.max(most, peak), 0);
  return peaks.map((peak) => Math.max(peak, least));
}

function readingPeaks({ multiplied }: ScalablePair): Float32Array {
  return multiplied.map(channelPeaks).reduce((most, peaks) => most.map((peak, channel) => Math.max(peak, peaks[channel]!)));
}

/**
 * Largest magnitude of every channel that passes between layers, over calibration data.
 *
 * @param samples to look at; whole batches are read
 */
export async function resultPeaks(
  pairs: readonly ScalablePair[],
  samples: number,
  context: InitializeContext,
): Promise<ReadonlyMap<ScalablePair, Float32Array>> {
  const peaks = new Map(pairs.map((pair) => [pair, new Float32Array(pair.channels)]));
  let seen = 0;
  const onBatch = (_index: number, count: number): 'stop' | undefined => {
    seen += count;
    context.progress('channels', Math.min(seen, samples), samples);
    return seen >= samples ? 'stop' : undefined;
  };
  const observers = [...peaks].flatMap(([pair, known]) => pair.consumers.map((node) => peakObserver(node.name, known)));
  await context.run({ maxBatches: samples, observers, onBatch });
  return peaks;
}

function peakObserver(node: string, peaks: Float32Array): NodeObserver {
  const see = ([x]: readonly tf.Tensor[]): void => {
    if (x === undefined) return;
    const seen = tf.tidy(() => float32Values(tf.max(tf.reshape(tf.abs(x), [-1, peaks.length]), 0)));
    seen.forEach((peak, channel) => (peaks[channel] = Math.max(peaks[channel]!, peak)));
  };
  return { node, see };
}

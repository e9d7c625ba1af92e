import { scaleBetween, type ScalablePair } from './equalization.ts';
import type { Originals } from './originals.ts';

/** No channel is made louder than by the inverse of this: one that slept over the calibration data may wake up. */
const LEAST_SHARE = 1 / 32;

/** Whether nothing but depthwise convolutions reads the channels: their weights have a scale for each. */
export function isForDepthwise({ consumers }: ScalablePair): boolean {
  return consumers.every(({ op }) => op === 'DepthwiseConv2dNative');
}

/**
 * Makes the channels that depthwise convolutions read equally loud (cross-layer equalization, arXiv 1906.04721, section 4.1, for the sake of the
 * activations alone). The weights on both sides have a scale for every channel and lose nothing; the activations are then rounded as finely as with a
 * scale for every channel, on one grid for all.
 *
 * The loudest channel stays. ReLU6 may stand between: a channel whose peak is brought up to the loudest one's is cut off where its range would end.
 *
 * @param peaks largest magnitude of every channel over the calibration data
 */
export function stretchChannels(peaks: ReadonlyMap<ScalablePair, Float32Array>, originals: Originals): void {
  for (const [pair, results] of peaks) scaleBetween(pair, stretchFactors(results), originals);
}

/** What each channel is divided by: its share of the loudest one's peak. */
export function stretchFactors(peaks: Float32Array): Float32Array {
  const loudest = peaks.reduce((most, peak) => Math.max(most, peak), 0);
  return peaks.map((peak) => (loudest > 0 ? Math.max(peak / loudest, LEAST_SHARE) : 1));
}

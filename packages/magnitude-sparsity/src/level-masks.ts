import type { Tensor } from '@tensorflow/tfjs-core';
import type { LevelMode } from './config.ts';
import { readWeights, type WeightImportance } from './importance.ts';
import { magnitudeMaskData } from './mask.ts';
import { magnitudeThreshold } from './threshold.ts';

/** One layer's mask, and the importance above which its weights are kept. */
interface LevelMask {
  readonly threshold: number;
  readonly mask: Float32Array;
}

/** Masks of all layers, and how many weights fell only because they are equal to the threshold. */
export interface LevelMasks {
  readonly masks: readonly LevelMask[];
  readonly ties: number;
}

/** Makes the masks of all layers for a level, by one threshold (`global`) or by one for each (`local`). */
export function levelMasks(weights: readonly Tensor[], level: number, importance: WeightImportance, mode: LevelMode): LevelMasks {
  const layers = weights.map(readWeights);
  const groups = mode === 'global' ? [layers] : layers.map((layer) => [layer]);
  const made = groups.map((group) => groupMasks(group, level, importance));
  return { masks: made.flatMap(({ masks }) => masks), ties: made.reduce((sum, { ties }) => sum + ties, 0) };
}

function groupMasks(layers: readonly Float32Array[], level: number, importance: WeightImportance): LevelMasks {
  const threshold = magnitudeThreshold(layers, level, { importance });
  const masks = layers.map((layer) => ({ threshold, mask: magnitudeMaskData(layer, threshold, { importance }) }));
  return { masks, ties: countZeros(masks) - zerosWithoutTies(layers, level) };
}

function countZeros(masks: readonly LevelMask[]): number {
  return masks.reduce((sum, { mask }) => sum + mask.reduce((zeros, kept) => zeros + (1 - kept), 0), 0);
}

/** Zeros where all importances differ: those before the threshold's place in the order, and the one at it. */
function zerosWithoutTies(layers: readonly Float32Array[], level: number): number {
  const total = layers.reduce((sum, { length }) => sum + length, 0);
  return level === 0 ? 0 : Math.min(Math.floor(total * level) + 1, total);
}

import { tensor, type Rank, type ShapeMap, type Tensor } from '@tensorflow/tfjs-core';

/** u stays this far from 0 and 1, so that logit u stays within ±13.9. */
const EPSILON = 1e-6;

/** 2^−24: uniform numbers are the middles of so many equal intervals. */
const INTERVAL = 2 ** -24;

/** Next state of a splitmix32 generator and its output, to spread a seed over several words. */
function splitmix(state: number): [state: number, word: number] {
  const next = (state + 0x9e3779b9) | 0;
  let word = Math.imul(next ^ (next >>> 16), 0x21f0aaad);
  word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
  return [next, word ^ (word >>> 15)];
}

function spread(seed: number): [number, number, number, number] {
  const words: number[] = [];
  for (let state = seed | 0, word = 0; words.length < 4; words.push(word)) [state, word] = splitmix(state);
  return words as [number, number, number, number];
}

/**
 * Logistic noise logit(u), u uniform on (0, 1) and clipped to [1e-6, 1 − 1e-6]; P(s + noise > 0) is σ(s).
 * The same seed gives the same noise on every backend and machine (xoshiro128**, Blackman and Vigna, arXiv 1805.01407).
 *
 * @param seed an integer
 */
export function logisticNoise(length: number, seed: number): Float32Array {
  const noise = new Float32Array(length);
  let [a, b, c, d] = spread(seed);
  for (let i = 0; i < length; i++) {
    const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    const uniform = ((scrambled >>> 8) + 0.5) * INTERVAL;
    const clipped = Math.min(Math.max(uniform, EPSILON), 1 - EPSILON);
    noise[i] = Math.log(clipped / (1 - clipped));
  }
  return noise;
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

/** {@link logisticNoise} as a tensor. */
export function logisticNoiseTensor<R extends Rank>(shape: ShapeMap[R], seed: number): Tensor<R> {
  return tensor(
    logisticNoise(
      shape.reduce((total, size) => total * size, 1),
      seed,
    ),
    shape,
    'float32',
  );
}

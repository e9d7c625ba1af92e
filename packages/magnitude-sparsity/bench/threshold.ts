/**
 * Threshold and masks of 25 million weights, radix selection beside a full sort of the same numbers.
 *
 *     pnpm exec tsx --conditions=nncf-source packages/magnitude-sparsity/bench/threshold.ts
 */
import { magnitudeMaskData } from '../src/mask.ts';
import { magnitudeThreshold } from '../src/threshold.ts';

const LAYERS = 50;
const SIZE = 500_000;
const ROUNDS = 5;
const LEVEL = 0.6;

const layers = Array.from({ length: LAYERS }, (_, layer) =>
  Float32Array.from({ length: SIZE }, () => (Math.random() + Math.random() + Math.random() - 1.5) * ((layer + 1) / LAYERS)),
);

const candidates: Record<string, () => unknown> = {
  'threshold, abs': () => magnitudeThreshold(layers, LEVEL, { importance: 'abs' }),
  'threshold, normed_abs': () => magnitudeThreshold(layers, LEVEL, { importance: 'normed_abs' }),
  'masks, normed_abs': () => layers.map((layer) => magnitudeMaskData(layer, 1e-3)),
  'Float32Array.sort of |w|': sortAll,
};

function sortAll(): number {
  const all = new Float32Array(LAYERS * SIZE);
  layers.forEach((layer, i) => all.set(layer.map(Math.abs), i * SIZE));
  return all.sort()[Math.floor(all.length * LEVEL)] as number;
}

const times = new Map<string, number[]>(Object.keys(candidates).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(candidates)) {
    const start = performance.now();
    run();
    times.get(name)?.push(performance.now() - start);
  }
}
console.log(`${LAYERS * SIZE} weights, level ${LEVEL}, milliseconds: best and median of ${ROUNDS}, all candidates in turn`);
for (const [name, found] of times) {
  const sorted = found.toSorted((a, b) => a - b);
  console.log(`${name.padEnd(26)} ${sorted[0]?.toFixed(0).padStart(6)} ${sorted[Math.floor(ROUNDS / 2)]?.toFixed(0).padStart(6)}`);
}

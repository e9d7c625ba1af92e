/** Seeded stream of uniform numbers. */
export interface Random {
  /** Next number in [0, 1). */
  next(): number;
  /** Next integer in [0, bound). */
  below(bound: number): number;
}

/**
 * Seeded generator with 32 bits of state (mulberry32, Tommy Ettinger, public domain). It decides orders and crops,
 * nothing that needs more than 2^32 draws.
 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, below: (bound) => Math.floor(next() * bound) };
}

/** Seed of one epoch: far from its neighbours, the same on every machine. */
export function epochSeed(seed: number, epoch: number): number {
  return (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(epoch + 1, 0x85ebca6b)) >>> 0;
}

/** The numbers 0 … size − 1 in their order. */
export function orderedIndices(size: number): Int32Array {
  return Int32Array.from({ length: size }, (_, index) => index);
}

/** The numbers 0 … size − 1 in a random order (Fisher and Yates). */
export function shuffledIndices(size: number, random: Random): Int32Array {
  const indices = orderedIndices(size);
  for (let last = size - 1; last > 0; last--) {
    const pick = random.below(last + 1);
    const kept = indices[last]!;
    indices[last] = indices[pick]!;
    indices[pick] = kept;
  }
  return indices;
}

/**
 * Numbers in [0, 1) that depend on a name and a position alone, in steps of 2^−24, so that weights and pictures need not be stored: the bits of
 * the position, stirred by two rounds of multiply and shift.
 */
export function uniform(name: string): (index: number) => number {
  const seed = hashOf(name);
  return (index) => (stir((Math.imul(index, 0x9e3779b1) ^ seed) >>> 0) >>> 8) / 2 ** 24;
}

/** FNV-1a, 32 bits. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function stir(bits: number): number {
  let x = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Values between two numbers, the same in every run. */
export function uniformArray(name: string, size: number, low: number, high: number): Float32Array {
  const draw = uniform(name);
  return Float32Array.from({ length: size }, (_, i) => low + (high - low) * draw(i));
}

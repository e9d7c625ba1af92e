/** A layer's name of the zoo's mobile networks, taken apart. */
export interface LayerParts {
  readonly base: string;
  /** Number of the block; −1 outside of blocks. */
  readonly index: number;
  /** Within the block, batch normalization aside. */
  readonly part: string;
  readonly isNorm: boolean;
}

/** Takes `block3.se.reduce` and `stem.bn` apart. */
export function partsOf(layer: string): LayerParts {
  const [base = '', ...rest] = layer.split('.');
  const isNorm = rest.at(-1) === 'bn';
  const number = /^block(\d+)$/.exec(base)?.[1];
  return { base, index: number === undefined ? -1 : Number(number), part: (isNorm ? rest.slice(0, -1) : rest).join('.'), isNorm };
}

/** Number of blocks in the stages of EfficientNet-B0. */
const EFFICIENT_STAGES = [1, 2, 2, 3, 3, 4, 1];

/** Stage of a block of EfficientNet-B0 and its place there, both counted from 0. */
export function efficientNetPlace(index: number): readonly [stage: number, place: number] {
  let [stage, first] = [0, 0];
  while (index >= first + (EFFICIENT_STAGES[stage] ?? Infinity)) first += EFFICIENT_STAGES[stage++]!;
  return [stage, index - first];
}

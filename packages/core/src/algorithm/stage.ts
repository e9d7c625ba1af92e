/** How far a model is compressed. */
export type CompressionStage = 'UNCOMPRESSED' | 'PARTIALLY_COMPRESSED' | 'FULLY_COMPRESSED';

/** Stage of a composite: the common one, or partial where its parts differ. */
export function combineStages(stages: readonly CompressionStage[]): CompressionStage {
  const [first, ...rest] = stages;
  if (first === undefined) return 'FULLY_COMPRESSED';
  return rest.every((stage) => stage === first) ? first : 'PARTIALLY_COMPRESSED';
}

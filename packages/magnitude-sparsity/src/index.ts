export { filterImportance, type FilterImportance } from './filters.ts';
export type { LayerWeights, WeightImportance } from './importance.ts';
export { magnitudeMask } from './mask.ts';
export { nmMask, type NmOptions } from './n-m.ts';
export { magnitudeThreshold, type MagnitudeOptions } from './threshold.ts';

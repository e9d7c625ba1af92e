import './register.ts';

export type { LevelMode, MagnitudeParams, MagnitudeSparsityConfig } from './config.ts';
export { filterImportance, type FilterImportance } from './filters.ts';
export type { LayerWeights, WeightImportance } from './importance.ts';
export { magnitudeSparsity } from './magnitude-sparsity.ts';
export { magnitudeMask } from './mask.ts';
export { nmMask, type NmOptions } from './n-m.ts';
export { magnitudeThreshold, type MagnitudeOptions } from './threshold.ts';

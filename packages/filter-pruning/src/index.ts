import './register.ts';

export type { FilterPruningConfig, FilterPruningParams, PruningSchedule } from './config.ts';
export { filterPruning } from './filter-pruning.ts';

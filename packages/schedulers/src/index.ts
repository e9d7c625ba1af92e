export { createAdaptiveSchedule, type AdaptiveParams, type AdaptiveSchedule } from './adaptive.ts';
export { biasedExponentialLevel } from './biased-exponential.ts';
export { readSchedule, scheduleShape, type ScheduleContext, type ScheduleKind, type ScheduleParams } from './config.ts';
export { exponentialLevel, type ExponentialParams } from './exponential.ts';
export { multistepLevel, type MultistepParams } from './multistep.ts';
export { polynomialLevel, type PolynomialParams, type RampParams } from './polynomial.ts';
export { unreachableTarget } from './reachability.ts';
export {
  curveLevel,
  curveTarget,
  scheduleLevel,
  type LevelCurve,
  type ScheduleTiming,
  type SparsitySchedule,
} from './sparsity-schedule.ts';
export { SparsityScheduler, type SparsityTarget } from './sparsity-scheduler.ts';
export { stagedHyperparameters, stagedTrainingShape, type StagedHyperparameters, type StagedTrainingParams } from './staged-training.ts';
export { decayFactor, StagedScheduler, stagedStage, type DecayParams, type StageStarts } from './staged.ts';

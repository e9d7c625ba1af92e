export { compress, type CompressionOptions } from './compress.ts';
export { badSetting } from './errors.ts';
export { onnxFileOf, openSubject, trainOrLoad, type Opened } from './opened.ts';
export { latencies, openOnnx, type LatencyOptions, type OnnxNetwork } from './onnx-runtime.ts';
export { runCommands, runProgram, type Mode, type RunCommandOptions } from './program.ts';
export { progressFor, silentProgress, type ProgressBar, type ProgressFigures, type ReportProgress } from './progress.ts';
export { kilobytes, percent, toTable, type Report } from './report.ts';
export { count, positive, share, withTrainingFlags } from './settings/flags.ts';
export { trainingShape, type OptimizerSection, type TrainingSection } from './settings/schema.ts';
export { readConfig, required, trainingSettings, type TrainingFlags, type TrainingSettings } from './settings/settings.ts';
export { learningRateSchedule, type LearningRate, type LearningRateOptions } from './train/learning-rate.ts';
export {
  createOptimizer,
  disposeOptimizer,
  trainingStep,
  type OptimizerOptions,
  type Trained,
  type TrainingStep,
} from './train/optimizer.ts';
export { compressedSubject, plainSubject, type Subject } from './train/subject.ts';
export type { Epoch, Moment, StepOutcome, Task } from './train/task.ts';
export { train, type TrainOptions, type TrainProgress, type TrainResult } from './train/train.ts';
export { openTrainLog, type EpochRecord, type TrainLog } from './train/train-log.ts';
export { checkpointOf, trainRun } from './train/train-run.ts';
export type { Voice } from './voice.ts';

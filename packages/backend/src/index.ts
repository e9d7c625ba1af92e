export { useBackend, type BackendInfo, type SkippedBackend, type UseBackendOptions } from './select.ts';
export type { BackendName } from './load.ts';
export {
  hasKernel,
  isNative,
  nativeOp,
  nativeOp1,
  nativeVersion,
  runKernel,
  runKernels,
  type NativeAttribute,
  type NativeAttributes,
} from './kernel-map.ts';
export { disableTrainingKernels, enableTrainingKernels } from './training-kernels.ts';
export { batchNormTraining, hasFusedBatchNorm, type TrainingBatchNorm } from './batch-norm-layer.ts';
export {
  fakeQuantizeGradOperation,
  fakeQuantizeOperation,
  hasOperations,
  type FakeQuantizeGradients,
  type FakeQuantizeGrid,
} from './native/operations.ts';

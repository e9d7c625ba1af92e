import './register.ts';

export type {
  ActivationOptions,
  BatchNormAdaptationOptions,
  InitializerOptions,
  PercentileParams,
  PrecisionOptions,
  QuantizationConfig,
  QuantizationMode,
  QuantizerGroupOptions,
  QuantizerOptions,
  QuantizerOverride,
  RangeOptions,
  ScopedRangeOptions,
  ScopeOverrides,
} from './config.ts';
export {
  fakeQuantizeAsymmetric,
  fakeQuantizeAsymmetricLevels,
  fakeQuantizeSymmetric,
  fakeQuantizeSymmetricLevels,
} from './fake-quantize.ts';
export { integerParameters, type IntegerParameters, type QuantizedRange, widenHalfRange } from './integer-parameters.ts';
export {
  type AsymmetricLevelOptions,
  asymmetricLevels,
  type LevelRange,
  levelRange,
  type SymmetricLevelOptions,
  symmetricLevels,
} from './levels.ts';
export {
  createRangeEstimator,
  type Range,
  RANGE_ESTIMATOR_TYPES,
  type RangeEstimator,
  type RangeEstimatorOptions,
  type RangeEstimatorType,
} from './range/estimator.ts';
export {
  type AsymmetricParameters,
  asymmetricParameters,
  type RangePurpose,
  type SymmetricParameters,
  symmetricParameters,
} from './range/parameters.ts';
export { tuneRange, type TunedRange } from './tune-range.ts';
export { fakeQuantizeMapping } from './onnx.ts';
export {
  type AccuracyControlOptions,
  type AccuracyControlReport,
  type ControlledModel,
  type GivenBack,
  quantizeWithAccuracyControl,
  type ValidationFunction,
} from './post-training/accuracy-control.ts';
export { quantize, type QuantizedModel } from './post-training/quantize.ts';
export type { QuantizeOptions, TargetDevice } from './post-training/options.ts';
export type { IgnoredScope } from './post-training/ignored-scope.ts';
export type { BiasCorrectionRow, PostTrainingReport, SmoothQuantRow } from './post-training/report.ts';
export { quantization } from './quantization.ts';
export { FakeQuantizer, type FakeQuantizerOptions, type NamedParameter, type QuantizerGrid } from './quantizers/fake-quantizer.ts';
export type { QuantizerScheme, QuantizerSpec, RangeSpec } from './scheme.ts';

export { fakeQuantizeAsymmetric, fakeQuantizeAsymmetricLevels, fakeQuantizeSymmetric, fakeQuantizeSymmetricLevels } from './fake-quantize.ts';
export { integerParameters, type IntegerParameters, type QuantizedRange, widenHalfRange } from './integer-parameters.ts';
export { type AsymmetricLevelOptions, asymmetricLevels, type LevelRange, levelRange, type SymmetricLevelOptions, symmetricLevels } from './levels.ts';
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

export { NncfError, type NncfErrorDetails } from './errors.ts';
export type { JsonObject, JsonValue } from './json.ts';
export type { TensorData, TypedArray } from './graph/tensor-data.ts';
export {
  consumersByValue,
  nodeNamed,
  operandValue,
  producerOf,
  valueOf,
  type GraphNode,
  type GraphValue,
  type ModelGraph,
  type Operand,
  type ValueKind,
} from './graph/model-graph.ts';
export type { CompressionPlan, InsertionPoint, PlanCommand, TransformKind } from './plan/compression-plan.ts';
export {
  defineAlgorithm,
  type AlgorithmDefinition,
  type AlgorithmState,
  type CalibrationRun,
  type CompressionAlgorithm,
  type CompressionParameter,
  type CreateContext,
  type InitializeContext,
  type NodeObserver,
  type LabelledBatch,
  type PlanContext,
} from './algorithm/definition.ts';
export type { OperatorContext, TensorOperator } from './algorithm/operator.ts';
export { constantScheduler, type CompressionScheduler, type Hyperparameters } from './algorithm/scheduler.ts';
export { combineStages, type CompressionStage } from './algorithm/stage.ts';
export type { AlgorithmStatistics, Statistics, StatisticsTable } from './algorithm/statistics.ts';
export { find, register, registered, registryToken, type RegistryToken } from './registry/registry.ts';
export { algorithmToken, registerAlgorithm } from './registry/tokens.ts';
export type { ExportSource, ModelExporter } from './export/exporter.ts';
export type {
  OnnxAttribute,
  OnnxBuilder,
  OnnxDataType,
  OnnxNodeOptions,
  OnnxOperand,
  OnnxOperatorMapping,
  OnnxTensor,
} from './export/onnx-mapping.ts';
export { exporterToken, onnxOperatorToken, registerExporter, registerOnnxOperator } from './export/tokens.ts';
export type {
  AlgorithmConfig,
  AlgorithmConfigs,
  AlgorithmSection,
  InputInfo,
  NncfConfig,
  ParsedConfig,
  TypedAlgorithmConfig,
} from './config/nncf-config.ts';
export { readSafetensors, writeSafetensors } from './state/safetensors.ts';
export type { SafetensorsData, SafetensorsDtype, SafetensorsFile, SafetensorsTensor } from './state/safetensors.ts';
export { readFileBytes, writeFileAtomic } from './state/file.ts';
export { createCompressionAlgorithm, type CompressOptions } from './compress.ts';
export {
  ModelCompression,
  type CheckpointOptions,
  type ExportOptions,
  type InitializeOptions,
  type ModelCompressionParts,
} from './model-compression.ts';
export { CompositeAlgorithm } from './algorithm/composite.ts';
export { parseConfig, parseConfigText } from './config/parse-config.ts';
export { configError, jsonPointer, validate } from './config/config-error.ts';
export { matchesAnyScope, matchesScope, requireMatches, type Scoped } from './config/scope-match.ts';
export { isInScope, requireKnownScopes, scopeList, scopingShape, type Scopes, type Scoping } from './config/scoping.ts';
export { scope } from './graph/scope.ts';
export { traceModel, type TracedModel } from './graph/trace.ts';
export type { CompressibleModel, FunctionalModel, ModelAdapter, InputSpec } from './graph/model-adapter.ts';
export { checkPlan } from './plan/check-plan.ts';
export { mergePlan } from './plan/merge-plan.ts';
export { printPlan } from './plan/print-plan.ts';
export { resolvePlugin, type ResolveOptions } from './registry/resolve.ts';
export type { CalibrationBatch, CalibrationData, Progress } from './train/calibration.ts';
export type { TaskLoss } from './train/labelled-batches.ts';
export { groupedOptimizer } from './train/grouped-optimizer.ts';
export type { CompressionCallback } from './train/callback.ts';
export type { CompressionState, VersionedState } from './state/compression-state.ts';
export { assignVariables, tensorData, readCheckpoint, writeCheckpoint, type Checkpoint } from './state/checkpoint.ts';
export { multiplyAdds } from './graph/multiply-adds.ts';
export { weightUses, type WeightUse } from './graph/weight-uses.ts';

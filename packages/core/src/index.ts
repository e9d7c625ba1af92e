export { NncfError, type NncfErrorDetails } from "./errors.ts";
export type { JsonObject, JsonValue } from "./json.ts";
export type { TensorData, TypedArray } from "./graph/tensor-data.ts";
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
} from "./graph/model-graph.ts";
export type {
  CompressionPlan,
  InsertionPoint,
  PlanCommand,
  TransformKind,
} from "./plan/compression-plan.ts";
export {
  defineAlgorithm,
  type AlgorithmDefinition,
  type AlgorithmState,
  type CompressionAlgorithm,
  type CompressionParameter,
  type CreateContext,
  type InitializeContext,
  type PlanContext,
} from "./algorithm/definition.ts";
export type { OperatorContext, TensorOperator } from "./algorithm/operator.ts";
export { constantScheduler, type CompressionScheduler } from "./algorithm/scheduler.ts";
export { combineStages, type CompressionStage } from "./algorithm/stage.ts";
export type { AlgorithmStatistics, Statistics, StatisticsTable } from "./algorithm/statistics.ts";
export {
  find,
  register,
  registered,
  registryToken,
  type RegistryToken,
} from "./registry/registry.ts";
export { algorithmToken, registerAlgorithm } from "./registry/tokens.ts";
export type { ExportSource, ModelExporter } from "./export/exporter.ts";
export type {
  OnnxAttribute,
  OnnxBuilder,
  OnnxDataType,
  OnnxNodeOptions,
  OnnxOperand,
  OnnxOperatorMapping,
  OnnxTensor,
} from "./export/onnx-mapping.ts";
export {
  exporterToken,
  onnxOperatorToken,
  registerExporter,
  registerOnnxOperator,
} from "./export/tokens.ts";
export type {
  AlgorithmConfig,
  AlgorithmConfigs,
  AlgorithmSection,
  InputInfo,
  NncfConfig,
  ParsedConfig,
  TypedAlgorithmConfig,
} from "./config/nncf-config.ts";
export { readSafetensors, writeSafetensors } from "./state/safetensors.ts";
export type {
  SafetensorsData,
  SafetensorsDtype,
  SafetensorsFile,
  SafetensorsTensor,
} from "./state/safetensors.ts";
export { readFileBytes, writeFileAtomic } from "./state/file.ts";

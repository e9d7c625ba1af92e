import type { Variable } from '@tensorflow/tfjs-core';
import type { TensorOperator } from '../algorithm/operator.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import type { JsonObject } from '../json.ts';
import type { CompressionPlan } from '../plan/compression-plan.ts';

/** Everything an exporter reads. The model itself is not among it: the graph and the variables say all. */
export interface ExportSource {
  readonly graph: ModelGraph;
  readonly variables: ReadonlyMap<string, Variable>;
  readonly plan: CompressionPlan;
  /** Live operators by name, of all algorithms. */
  readonly operators: ReadonlyMap<string, TensorOperator>;
}

/** Writes a model in one file format. */
export interface ModelExporter {
  /** `onnx`. */
  readonly format: string;
  /**
   * Serializes the whole model.
   * @throws NncfError `EXPORT_UNSUPPORTED` that names the node and its scope.
   */
  serialize(source: ExportSource, options: JsonObject): Uint8Array;
}

import { randomNormal, tidy, zeros, type Tensor, type Variable } from '@tensorflow/tfjs-core';
import type { InputInfo } from '../config/nncf-config.ts';
import { intercept } from '../engine/interceptor.ts';
import { NncfError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { GraphNode, GraphValue, ModelGraph } from './model-graph.ts';
import { adapterFor, type InputSpec, type ModelAdapter } from './model-adapter.ts';
import { ScopeTracker } from './scope-tracker.ts';
import { TraceRecorder, type RecordedNode, type RecordedValue } from './trace-recorder.ts';

/** A graph with the live variables that it names. */
export interface TracedModel {
  readonly graph: ModelGraph;
  readonly variables: ReadonlyMap<string, Variable>;
  /** How often each outermost scope is entered in one forward pass. */
  readonly scopeCalls: ReadonlyMap<string, number>;
}

interface Recording {
  readonly recorder: TraceRecorder;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly scopeCalls: ReadonlyMap<string, number>;
}

const TRACE_BATCH = 2;
// Not 1: operations that broadcast skip work where a size is 1, and would look like another model.
const OTHER_BATCH = 3;

/**
 * Runs a model in prediction mode and writes down its canonical graph. It runs at two batch sizes; what differs
 * between them follows the batch. The model is left as it was.
 *
 * @throws NncfError `MODEL_UNSUPPORTED`, `INPUT_UNKNOWN`, `GRAPH_UNSTABLE` when the two runs differ in their operations
 */
export function traceModel(model: unknown, inputInfo: readonly InputInfo[] = []): TracedModel {
  return traceAdapter(adapterFor(model, inputInfo));
}

/** {@link traceModel} for a model that has its adapter already. */
export function traceAdapter(adapter: ModelAdapter): TracedModel {
  const main = record(adapter, TRACE_BATCH);
  const other = record(adapter, OTHER_BATCH);
  return { graph: merge(main, other), variables: adapter.variables, scopeCalls: main.scopeCalls };
}

function record(adapter: ModelAdapter, batch: number): Recording {
  const tracker = new ScopeTracker();
  const names = new Map([...adapter.variables].map(([name, variable]) => [variable.id, name]));
  const recorder = new TraceRecorder(tracker, names, adapter.interceptsRoot);
  let scopeCalls: ReadonlyMap<string, number> = new Map();
  const restore = adapter.instrument((scope, _training, run) => {
    if (scope !== undefined) return tracker.within(scope, run);
    return tracker.wholePass(() => {
      const result = run();
      scopeCalls = new Map(tracker.outermost);
      return result;
    });
  });
  try {
    const { inputs, outputs } = tidy(() => runOnce(adapter, recorder, batch));
    return { recorder, inputs, outputs, scopeCalls };
  } finally {
    restore();
  }
}

function runOnce(adapter: ModelAdapter, recorder: TraceRecorder, batch: number): { inputs: number[]; outputs: number[] } {
  const tensors = adapter.inputs.map((input) => traceInput(input, batch));
  const inputs = tensors.map((tensor, i) => recorder.input(tensor, adapter.inputs[i]?.name ?? ''));
  const results = intercept(recorder, () => adapter.forward(tensors, false));
  return { inputs, outputs: results.map((tensor) => recorder.valueId(tensor)) };
}

function traceInput(input: InputSpec, batch: number): Tensor {
  const shape = [batch, ...input.shape.slice(1).map((size) => size ?? 1)];
  // Whole numbers are indices into an embedding: zero is always one.
  return input.dtype === 'int32' ? zeros(shape, 'int32') : randomNormal(shape, 0, 1, 'float32', 1);
}

function merge(main: Recording, other: Recording): ModelGraph {
  const [a, b] = [main.recorder, other.recorder];
  const same = a.nodes.length === b.nodes.length && a.nodes.every((node, i) => node.name === b.nodes[i]?.name);
  if (!same || a.values.length !== b.values.length) throw unstable(a.nodes, b.nodes);
  const values = a.values.map((value, id) => toValue(id, value, b.values[id] as RecordedValue));
  const nodes = a.nodes.map((node, id) => toNode(id, node, b.nodes[id] as RecordedNode));
  return { nodes, values, inputs: main.inputs, outputs: main.outputs, traceBatch: TRACE_BATCH };
}

function toValue(id: number, value: RecordedValue, other: RecordedValue): GraphValue {
  const shape = value.shape.map((size, axis) => (size === other.shape[axis] ? size : null));
  const { shape: traceShape, ...rest } = value;
  if (value.kind === 'constant' && shape.includes(null) && !isUniform(value)) throw opaque(value);
  return Object.freeze({ id, ...rest, shape, traceShape: [...traceShape] });
}

function isUniform(value: RecordedValue): boolean {
  return value.data?.data.every((x) => x === value.data?.data[0]) ?? true;
}

function toNode(id: number, node: RecordedNode, other: RecordedNode): GraphNode {
  return Object.freeze({ id, ...node, batchAttrs: batchAttributes(node.attrs, other.attrs) });
}

function batchAttributes(attrs: JsonObject, other: JsonObject): Record<string, readonly number[]> {
  const entries = Object.entries(attrs).flatMap(([key, value]) => {
    const twin = other[key];
    if (!Array.isArray(value) || !Array.isArray(twin)) return [];
    const positions = value.flatMap((each: unknown, i) => (typeof each === 'number' && each !== twin[i] ? [i] : []));
    return positions.length > 0 ? [[key, positions] as const] : [];
  });
  return Object.fromEntries(entries);
}

function unstable(a: readonly RecordedNode[], b: readonly RecordedNode[]): NncfError {
  const index = a.findIndex((node, i) => node.name !== b[i]?.name);
  const where = a[index]?.name ?? b[a.length]?.name ?? 'the end';
  return new NncfError({
    code: 'GRAPH_UNSTABLE',
    message: `The model runs other operations at batch ${OTHER_BATCH} than at batch ${TRACE_BATCH}, first at ${where}.`,
    hint: 'Operations must not depend on the batch size or on the values of the input.',
  });
}

function opaque(value: RecordedValue): NncfError {
  return new NncfError({
    code: 'GRAPH_OPAQUE',
    message: `A tensor of shape [${value.shape.join(', ')}] follows the batch but no operation of the model made it.`,
    hint: 'Part of the model may bypass tf operations (dataSync, or a direct backend call); use tf operations there.',
  });
}

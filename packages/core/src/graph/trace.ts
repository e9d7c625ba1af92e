import { cast, ones, randomNormal, randomUniform, tidy, zeros, type Tensor, type Variable } from '@tensorflow/tfjs-core';
import type { InputInfo } from '../config/nncf-config.ts';
import { intercept } from '../engine/interceptor.ts';
import { NncfError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { GraphNode, GraphValue, ModelGraph } from './model-graph.ts';
import { adapterFor, type InputSpec, type ModelAdapter } from './model-adapter.ts';
import { ScopeTracker } from './scope-tracker.ts';
import { untraceable, untraceableInput } from './trace-errors.ts';
import { TraceRecorder, type RecordedNode, type RecordedValue } from './trace-recorder.ts';

/** A graph with the live variables that it names. */
export interface TracedModel {
  readonly graph: ModelGraph;
  readonly variables: ReadonlyMap<string, Variable>;
  /** How often each outermost scope is entered in one forward pass. */
  readonly scopeCalls: ReadonlyMap<string, number>;
}

interface Recording {
  readonly batch: number;
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
 * between them follows the batch. A model that is made for batches of one size above one runs at that alone, and nothing
 * follows the batch. The model is left as it was.
 *
 * @throws NncfError `MODEL_UNSUPPORTED` when the model throws, `INPUT_UNKNOWN`, `GRAPH_UNSTABLE` when the two runs differ in their operations
 */
export function traceModel(model: unknown, inputInfo: readonly InputInfo[] = []): TracedModel {
  return traceAdapter(adapterFor(model, inputInfo));
}

/** {@link traceModel} for a model that has its adapter already. */
export function traceAdapter(adapter: ModelAdapter): TracedModel {
  const { graph, scopeCalls } = traceBatches(adapter);
  return { graph, variables: adapter.variables, scopeCalls };
}

type Traced = Pick<TracedModel, 'graph' | 'scopeCalls'>;

function traceBatches(adapter: ModelAdapter): Traced {
  const declared = adapter.inputs.map(({ batch = 0 }) => batch);
  const fixed = Math.max(...declared);
  if (fixed > 1) return traceAt(adapter, [fixed, fixed], declaredBatch);
  if (fixed === 0 || declared.includes(0)) return traceAt(adapter, [TRACE_BATCH, OTHER_BATCH], declaredBatch);
  // A batch of one is mostly left over from a prediction; few models need it.
  try {
    return traceAt(adapter, [TRACE_BATCH, OTHER_BATCH], anyBatch);
  } catch {
    return traceAt(adapter, [1, 1], declaredBatch);
  }
}

type BatchOf = (input: InputSpec, batch: number) => number;
const declaredBatch: BatchOf = (input, batch) => input.batch ?? batch;
const anyBatch: BatchOf = (_input, batch) => batch;

function traceAt(adapter: ModelAdapter, [batch, otherBatch]: readonly [number, number], batchOf: BatchOf): Traced {
  const main = record(adapter, batch, batchOf);
  const other = otherBatch === batch ? main : record(adapter, otherBatch, batchOf);
  return { graph: merge(main, other), scopeCalls: main.scopeCalls };
}

function record(adapter: ModelAdapter, batch: number, batchOf: BatchOf): Recording {
  const tracker = new ScopeTracker();
  const names = new Map([...adapter.variables].map(([name, variable]) => [variable.id, name]));
  const recorder = new TraceRecorder(tracker, names, adapter.interceptsRoot);
  const shapes = adapter.inputs.map((input) => [batchOf(input, batch), ...input.sample]);
  const watched = watch(adapter, tracker);
  const rebind = adapter.unbound?.();
  try {
    const { inputs, outputs } = tidy(() => runOnce(adapter, recorder, shapes));
    return { batch, recorder, inputs, outputs, scopeCalls: watched.scopeCalls };
  } catch (cause) {
    throw cause instanceof NncfError ? cause : untraceable(cause, watched.broken ?? '', adapter.inputs, shapes);
  } finally {
    rebind?.();
    watched.restore();
  }
}

/** What is learned of the scopes while a model runs. */
interface Watched {
  scopeCalls: ReadonlyMap<string, number>;
  /** The innermost scope that threw. */
  broken?: string;
  restore: () => void;
}

function watch(adapter: ModelAdapter, tracker: ScopeTracker): Watched {
  const watched: Watched = { scopeCalls: new Map(), restore: () => undefined };
  const inScope = <T>(path: string, run: () => T): T => {
    try {
      return run();
    } catch (error) {
      watched.broken ??= path;
      throw error;
    }
  };
  const wholePass = <T>(run: () => T): T => {
    const result = run();
    watched.scopeCalls = new Map(tracker.outermost);
    return result;
  };
  watched.restore = adapter.instrument((scope, _training, run) =>
    scope === undefined ? tracker.wholePass(() => wholePass(run)) : tracker.within(scope, ({ path }) => inScope(path, run)),
  );
  return watched;
}

function runOnce(
  adapter: ModelAdapter,
  recorder: TraceRecorder,
  shapes: readonly (readonly number[])[],
): { inputs: number[]; outputs: number[] } {
  const tensors = adapter.inputs.map((input, i) => traceInput(input, [...(shapes[i] ?? [])]));
  const inputs = tensors.map((tensor, i) => recorder.input(tensor, adapter.inputs[i]?.name ?? ''));
  const results = intercept(recorder, () => adapter.forward(tensors, false));
  return { inputs, outputs: results.map((tensor) => recorder.valueId(tensor)) };
}

function traceInput(input: InputSpec, shape: number[]): Tensor {
  const { dtype } = input;
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') throw untraceableInput(input);
  const whole = input.whole === true || dtype !== 'float32';
  // Whole numbers are likely looked up in a table: zero stands in every one, and so does one in all but the smallest.
  const filler = input.filler ?? (whole ? 'zeros' : 'random');
  if (filler !== 'random') return filler === 'ones' ? ones(shape, dtype) : zeros(shape, dtype);
  return whole ? cast(randomUniform(shape, 0, 2, 'int32', 1), dtype) : randomNormal(shape, 0, 1, 'float32', 1);
}

function merge(main: Recording, other: Recording): ModelGraph {
  const [a, b] = [main.recorder, other.recorder];
  const same = a.nodes.length === b.nodes.length && a.nodes.every((node, i) => node.name === b.nodes[i]?.name);
  if (!same || a.values.length !== b.values.length) throw unstable(main, other);
  const values = a.values.map((value, id) => toValue(id, value, b.values[id] as RecordedValue, a.nodes));
  const nodes = a.nodes.map((node, id) => toNode(id, node, b.nodes[id] as RecordedNode));
  return { nodes, values, inputs: main.inputs, outputs: main.outputs, traceBatch: main.batch };
}

function toValue(id: number, value: RecordedValue, other: RecordedValue, nodes: readonly RecordedNode[]): GraphValue {
  const shape = value.shape.map((size, axis) => (size === other.shape[axis] ? size : null));
  const { shape: traceShape, ...rest } = value;
  if (value.kind === 'constant' && shape.includes(null) && !isUniform(value))
    throw opaque(value, nodes.find(({ inputs }) => inputs.includes(id))?.name ?? 'the output');
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

function unstable(main: Recording, other: Recording): NncfError {
  const [a, b] = [main.recorder.nodes, other.recorder.nodes];
  const index = a.findIndex((node, i) => node.name !== b[i]?.name);
  const where = a[index]?.name ?? b[a.length]?.name ?? 'the end';
  return new NncfError({
    code: 'GRAPH_UNSTABLE',
    message: `The model runs other operations at batch ${other.batch} than at batch ${main.batch}, first at ${where}.`,
    hint: 'Operations must not depend on the batch size or on the values of the input.',
  });
}

function opaque(value: RecordedValue, reader: string): NncfError {
  return new NncfError({
    code: 'GRAPH_OPAQUE',
    message: `A tensor of shape [${value.shape.join(', ')}], which ${reader} reads, follows the batch but no operation of the model made it.`,
    hint: 'Part of the model may bypass tf operations (dataSync, or a direct backend call); use tf operations there.',
  });
}

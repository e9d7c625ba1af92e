import type { DataType, Tensor } from '@tensorflow/tfjs-core';
import type { OperationCall, OperationHandler } from '../engine/interceptor.ts';
import type { JsonObject } from '../json.ts';
import { canonicalSteps, isPrevious } from './canonical.ts';
import type { ValueKind } from './model-graph.ts';
import type { ScopeTracker } from './scope-tracker.ts';
import type { TensorData } from './tensor-data.ts';

/** A value as seen in one pass. */
export interface RecordedValue {
  name: string;
  kind: ValueKind;
  shape: readonly number[];
  dtype: DataType;
  producer?: number;
  output?: number;
  data?: TensorData;
}

/** A node as seen in one pass. */
export interface RecordedNode {
  name: string;
  op: string;
  scope: string;
  inputs: number[];
  outputs: number[];
  attrs: JsonObject;
  insertable: boolean;
  insertableResult: boolean;
}

/** Writes down every operation of one forward pass as canonical nodes. */
export class TraceRecorder implements OperationHandler {
  readonly values: RecordedValue[] = [];
  readonly nodes: RecordedNode[] = [];
  private readonly ids = new Map<number, number>();
  private readonly tracker: ScopeTracker;
  private readonly variableNames: ReadonlyMap<number, string>;
  private readonly rootInsertable: boolean;
  private lastOutputs: readonly number[] = [];

  constructor(tracker: ScopeTracker, variableNames: ReadonlyMap<number, string>, rootInsertable: boolean) {
    this.tracker = tracker;
    this.variableNames = variableNames;
    this.rootInsertable = rootInsertable;
  }

  /** Declares an input of the model. */
  input(tensor: Tensor, name: string): number {
    return this.add(tensor, { name, kind: 'input', shape: tensor.shape, dtype: tensor.dtype });
  }

  /** Id of a tensor that flows through the model; one of unknown origin is a constant. */
  valueId(tensor: Tensor): number {
    const known = this.ids.get(tensor.id);
    if (known !== undefined) return known;
    const variable = this.variableNames.get(tensor.id);
    if (variable !== undefined)
      return this.add(tensor, {
        name: variable,
        kind: 'variable',
        shape: tensor.shape,
        dtype: tensor.dtype,
      });
    const data = {
      shape: [...tensor.shape],
      dtype: tensor.dtype,
      data: tensor.dataSync(),
    } as TensorData;
    return this.add(tensor, {
      name: `const_${this.values.length}`,
      kind: 'constant',
      shape: tensor.shape,
      dtype: tensor.dtype,
      data,
    });
  }

  after(call: OperationCall, outputs: readonly Tensor[]): undefined {
    // A copy is the tensor itself: a layer that returns its input (dropout in prediction) copies it.
    if (call.kernel === 'Identity') {
      this.alias(call.operands[0], outputs[0]);
      return undefined;
    }
    const steps = canonicalSteps(call.kernel, call.names, call.attrs);
    const firstNode = this.nodes.length;
    let previous = -1;
    steps.forEach((step, i) => {
      const inputs = step.operands.map((name) => (isPrevious(name) ? previous : this.operand(call, name)));
      const names = step.operands.map((name) => canonicalName(step.op, name));
      const last = i === steps.length - 1;
      this.addNode(step.op, inputs, { ...step.attrs, inputNames: names }, call.insertable && i === 0, call.insertable && last);
      previous = last ? -1 : this.addIntermediate(outputs[0] as Tensor);
    });
    this.addOutputs(outputs);
    this.lastOutputs = this.nodes.slice(firstNode).flatMap((node) => node.outputs);
    return undefined;
  }

  renamed(source: Tensor, result: Tensor): void {
    this.alias(source, result);
    for (const id of this.lastOutputs) {
      const value = this.values[id];
      if (value !== undefined) value.shape = result.shape;
    }
  }

  private operand(call: OperationCall, name: string): number {
    return this.valueId(call.operands[call.names.indexOf(name)] as Tensor);
  }

  private alias(source: Tensor | undefined, result: Tensor | undefined): void {
    if (source !== undefined && result !== undefined) this.ids.set(result.id, this.valueId(source));
  }

  private add(tensor: Tensor, value: RecordedValue): number {
    this.values.push(value);
    this.ids.set(tensor.id, this.values.length - 1);
    return this.values.length - 1;
  }

  private addNode(op: string, inputs: number[], attrs: JsonObject, insertable: boolean, insertableResult: boolean): void {
    const name = this.tracker.nextOperation(op);
    const scope = this.tracker.frame.path;
    const reached = scope !== '' || this.rootInsertable;
    this.nodes.push({
      name,
      op,
      scope,
      inputs,
      outputs: [],
      attrs,
      insertable: insertable && reached,
      insertableResult: insertableResult && reached,
    });
  }

  /** The value between two steps of a fused kernel, which never exists as a tensor. */
  private addIntermediate(result: Tensor): number {
    this.values.push(this.outputValue(result, 0));
    const id = this.values.length - 1;
    this.nodes.at(-1)?.outputs.push(id);
    return id;
  }

  private addOutputs(outputs: readonly Tensor[]): void {
    outputs.forEach((tensor, output) => {
      this.nodes.at(-1)?.outputs.push(this.add(tensor, this.outputValue(tensor, output)));
    });
  }

  private outputValue(tensor: Tensor, output: number): RecordedValue {
    const producer = this.nodes.length - 1;
    const name = `${this.nodes[producer]?.name ?? ''}:${output}`;
    return { name, kind: 'activation', shape: tensor.shape, dtype: tensor.dtype, producer, output };
  }
}

/** Operand names of the parts of a fused kernel, as the kernels of those parts have them. */
function canonicalName(op: string, name: string): string {
  if (op === 'Add') return name === 'bias' ? 'b' : isPrevious(name) ? 'a' : name;
  return isPrevious(name) ? 'x' : name;
}

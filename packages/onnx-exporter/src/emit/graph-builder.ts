import type { JsonObject, OnnxAttribute, OnnxBuilder, OnnxDataType, OnnxNodeOptions, TypedArray } from '@nncf/core';
import { ConstantStore } from './constant-store.ts';
import type { OnnxNode } from './onnx-graph.ts';

/** Collects nodes and initializers of a file. */
export class GraphBuilder implements OnnxBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly constants: ConstantStore = new ConstantStore((wanted) => this.unique(wanted));
  readonly domains: Map<string, number> = new Map();
  readonly opset: number;
  readonly options: JsonObject;
  private readonly names = new Map<string, number>();
  private readonly shared = new Map<string, readonly string[]>();
  private readonly inputs = new Map<number, string>();
  private scope = '';

  constructor(opset: number, options: JsonObject) {
    this.opset = opset;
    this.options = options;
    this.domains.set('', opset);
  }

  /** Names of nodes made from now on begin with this address. */
  enter(scope: string): void {
    this.scope = scope;
  }

  /** Takes a name for an input or output of the file. */
  reserve(name: string): string {
    return this.unique(name);
  }

  /** Takes a name for the input that is this value of the model. */
  addInput(id: number, wanted: string): string {
    const name = this.unique(wanted);
    this.inputs.set(id, name);
    return name;
  }

  /** Name of the input that is this value of the model. */
  inputName(id: number): string {
    return this.inputs.get(id) ?? '';
  }

  node(op: string, inputs: readonly string[], options: OnnxNodeOptions = {}): readonly string[] {
    const name = this.unique(options.name ?? `${this.scope}/${op}`);
    const outputs = Array.from({ length: options.outputs ?? 1 }, (_, i) => this.unique(`${name}:${i}`));
    this.nodes.push({
      name,
      op,
      domain: options.domain ?? '',
      inputs: withoutTrailingBlanks(inputs),
      outputs,
      attributes: options.attributes ?? {},
    });
    return outputs;
  }

  /** Like {@link node} for one output, but the same operation on the same inputs is made once. */
  once(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}): string {
    const key = JSON.stringify([op, inputs, attributes]);
    const outputs = this.shared.get(key) ?? this.node(op, inputs, { attributes });
    this.shared.set(key, outputs);
    return outputs[0] ?? '';
  }

  constant(data: TypedArray | readonly number[], shape: readonly number[], type: OnnxDataType, name?: string): string {
    return this.constants.add(typed(data, type), shape, type, name);
  }

  useDomain(domain: string, version: number): void {
    this.domains.set(domain, Math.max(version, this.domains.get(domain) ?? 0));
  }

  private unique(wanted: string): string {
    let count = this.names.get(wanted) ?? 0;
    let name = count === 0 ? wanted : `${wanted}_${count}`;
    while (count > 0 && this.names.has(name)) name = `${wanted}_${++count}`;
    this.names.set(wanted, count + 1);
    if (name !== wanted) this.names.set(name, 1);
    return name;
  }
}

function typed(data: TypedArray | readonly number[], type: OnnxDataType): TypedArray {
  if (ArrayBuffer.isView(data)) return data;
  return type === 'FLOAT' || type === 'FLOAT16' ? Float32Array.from(data) : Int32Array.from(data);
}

function withoutTrailingBlanks(inputs: readonly string[]): readonly string[] {
  const last = inputs.findLastIndex((input) => input !== '');
  return inputs.slice(0, last + 1);
}

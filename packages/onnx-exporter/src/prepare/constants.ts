import { producerOf, valueOf, type GraphNode, type GraphValue, type ModelGraph, type TensorData } from '@nncf/core';
import type { Tensor, Variable } from '@tensorflow/tfjs-core';
import { readTensor, tensorOf } from './tensor-contents.ts';
import { missingVariable, notFinite, unknownValue } from '../errors.ts';
import { runConstantKernel } from './run-kernel.ts';
import type { OperatorTable } from './operator-table.ts';

/** Values that do not depend on the model's inputs. They are computed when they are asked for, once. */
export class Constants {
  private readonly graph: ModelGraph;
  private readonly variables: ReadonlyMap<string, Variable>;
  private readonly operators: OperatorTable;
  private readonly allowNonFinite: boolean;
  private readonly known: readonly boolean[];
  private readonly contents = new Map<number, TensorData>();

  constructor(graph: ModelGraph, variables: ReadonlyMap<string, Variable>, operators: OperatorTable, allowNonFinite: boolean) {
    this.allowNonFinite = allowNonFinite;
    this.graph = graph;
    this.variables = variables;
    this.operators = operators;
    this.known = knownValues(graph);
  }

  /** Whether the value is the same for every input of every batch size. */
  has(id: number): boolean {
    return this.known[id] ?? false;
  }

  /** Contents of a value for which {@link has} holds. */
  contentsOf(id: number): TensorData {
    const present = this.contents.get(id);
    if (present !== undefined) return present;
    const value = valueOf(this.graph, id);
    const made = readTensor(() => this.evaluate(value));
    if (value.kind === 'variable' && !this.allowNonFinite) checkFinite(value.name, made);
    this.contents.set(id, made);
    return made;
  }

  private evaluate(value: GraphValue): Tensor {
    if (value.data !== undefined) return tensorOf(value.data);
    if (value.kind === 'variable') return this.variable(value.name);
    const node = producerOf(this.graph, value);
    if (node === undefined) throw unknownValue(value.id, 'The export');
    const outputs = runConstantKernel(node, this.operandsOf(node));
    const output = outputs[value.output ?? 0];
    if (output === undefined) throw unknownValue(value.id, node.name);
    return output;
  }

  /** Operands of a constant node, what the plan does to them included. */
  private operandsOf(node: GraphNode): readonly Tensor[] {
    return node.inputs.map((id, port) =>
      this.operators
        .at(node, port)
        .reduce<Tensor>((tensor, { operator }) => operator.apply(tensor, { training: false }), tensorOf(this.contentsOf(id))),
    );
  }

  private variable(name: string): Tensor {
    const variable = this.variables.get(name);
    if (variable === undefined) throw missingVariable(name);
    return variable;
  }
}

/** Kernels without operands that make the same tensor every time. */
const GENERATORS: ReadonlySet<string> = new Set(['Fill', 'LinSpace', 'Range']);

function knownValues(graph: ModelGraph): readonly boolean[] {
  const known = graph.values.map(({ kind, shape }) => kind === 'variable' || (kind === 'constant' && !shape.includes(null)));
  for (const node of graph.nodes) {
    const isKnown =
      (node.inputs.length > 0 || GENERATORS.has(node.op)) &&
      node.inputs.every((id) => known[id]) &&
      Object.keys(node.batchAttrs).length === 0;
    for (const id of node.outputs) known[id] = isKnown;
  }
  return known;
}

function checkFinite(name: string, { data }: TensorData): void {
  // A loop by index: weights have millions of elements.
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) throw notFinite(name, data[i] ?? Number.NaN);
}

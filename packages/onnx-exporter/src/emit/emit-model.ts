import { find, valueOf, type ExportSource, type GraphNode, type GraphValue, type JsonObject, type ModelGraph } from '@nncf/core';
import { badOptions, unboundOutput, unmappedOperation } from '../errors.ts';
import { spacePreference } from '../layout/space-preference.ts';
import { channelsFirst, plainLayout, sizesIn, type Layout } from '../layout/layout.ts';
import { onnxNodeToken, type OnnxNodeMapping } from '../node-mapping.ts';
import type { ResolvedOptions } from '../options.ts';
import { Constants } from '../prepare/constants.ts';
import { liveNodes } from '../prepare/live-nodes.ts';
import { OperatorTable } from '../prepare/operator-table.ts';
import { onnxType } from './file-value.ts';
import { GraphBuilder } from './graph-builder.ts';
import { NodeContext } from './node-context.ts';
import type { OnnxGraph, OnnxNode, OnnxPort } from './onnx-graph.ts';
import { ValueTable } from './value-table.ts';

/** Writes the nodes of a model one by one through their mappings. */
export function emitModel(source: ExportSource, options: ResolvedOptions): OnnxGraph {
  const graph = withOutputs(source.graph, options.outputs);
  const builder = new GraphBuilder(options.opset, { ...options } as JsonObject);
  const operators = new OperatorTable(source.plan, source.operators);
  const constants = new Constants(graph, source.variables, operators, options.allowNonFinite);
  const prefersSpace = spacePreference(graph, mappingOf);
  const table = new ValueTable(graph, builder, constants, operators, prefersSpace);
  const inputs = bindInputs(graph, builder, table, options);
  for (const node of liveNodes(graph)) if (!node.outputs.every((id) => constants.has(id))) emitNode(node, builder, table);
  const outputs = bindOutputs(graph, builder, table, options);
  return {
    name: options.modelName,
    nodes: [...builder.nodes],
    initializers: builder.constants.all(),
    inputs,
    outputs,
    domains: builder.domains,
  };
}

/** The graph with the outputs at these places alone. */
function withOutputs(graph: ModelGraph, places: readonly number[] | undefined): ModelGraph {
  if (places === undefined) return graph;
  const outputs = places.map((place) => graph.outputs[place] ?? noOutput(place, graph.outputs.length));
  return { ...graph, outputs };
}

function noOutput(place: number, count: number): never {
  throw badOptions(`"outputs" names the output ${place}, but the model has ${count}, counted from 0.`);
}

function mappingOf(node: GraphNode): OnnxNodeMapping | undefined {
  return find(onnxNodeToken, node.op);
}

function emitNode(node: GraphNode, builder: GraphBuilder, table: ValueTable): void {
  const mapping = mappingOf(node);
  if (mapping === undefined) throw unmappedOperation(node);
  builder.enter(node.name);
  mapping.emit(new NodeContext(node, builder, table));
  node.outputs.forEach((id, index) => {
    if (!table.has(id)) throw unboundOutput(node, index);
    table.operateResult(node, index);
  });
}

function bindInputs(graph: ModelGraph, builder: GraphBuilder, table: ValueTable, options: ResolvedOptions): readonly OnnxPort[] {
  return graph.inputs.map((id, index) => {
    const value = valueOf(graph, id);
    const layout = portLayout(value, options.inputLayout);
    const name = builder.addInput(id, options.inputNames?.[index] ?? value.name);
    table.bind(id, name, layout);
    return portOf(value, name, layout, options.batchSize);
  });
}

function bindOutputs(graph: ModelGraph, builder: GraphBuilder, table: ValueTable, options: ResolvedOptions): readonly OnnxPort[] {
  const made: string[] = [];
  return graph.outputs.map((id, index) => {
    const value = valueOf(graph, id);
    const layout = portLayout(value, options.outputLayout);
    const wanted = options.outputNames?.[index] ?? outputName(graph, value);
    const name = builder.reserve(wanted);
    nameOutput(builder, table.value(id, "The model's output").in(layout), name, made);
    made.push(name);
    return portOf(value, name, layout, options.batchSize);
  });
}

/** Gives a value the name of an output: by renaming it where it is a node's own, else through `Identity`. */
function nameOutput(builder: GraphBuilder, value: string, name: string, taken: readonly string[]): void {
  const at = builder.nodes.findLastIndex(({ outputs }) => outputs.includes(value));
  if (at < 0 || taken.includes(value)) {
    builder.nodes.push(identity(value, name));
    return;
  }
  const rename = (present: string): string => (present === value ? name : present);
  builder.nodes.forEach((node, i) => {
    builder.nodes[i] = {
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    };
  });
}

function identity(value: string, name: string): OnnxNode {
  return {
    name: `${name}/Identity`,
    op: 'Identity',
    domain: '',
    inputs: [value],
    outputs: [name],
    attributes: {},
  };
}

function outputName(graph: ModelGraph, { producer, name }: GraphValue): string {
  const scope = producer === undefined ? '' : (graph.nodes[producer]?.scope ?? '');
  return scope === '' ? name : scope;
}

function portLayout({ shape }: GraphValue, layout: 'NHWC' | 'NCHW'): Layout {
  return layout === 'NCHW' && shape.length === 4 ? channelsFirst(4) : plainLayout(shape.length);
}

function portOf({ shape, dtype }: GraphValue, name: string, layout: Layout, batchSize: number | undefined): OnnxPort {
  return {
    name,
    type: onnxType(dtype),
    shape: sizesIn(layout, shape).map((size) => size ?? batchSize ?? 'N'),
  };
}

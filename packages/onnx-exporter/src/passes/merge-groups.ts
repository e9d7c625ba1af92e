import type { OnnxInitializer, OnnxNode, OnnxGraph } from '../emit/onnx-graph.ts';
import { GraphEdit } from './graph-edit.ts';
import { joinWeights } from './join-weights.ts';

/** Equal convolutions of all parts of a tensor's channels, joined again. */
interface Groups {
  readonly split: OnnxNode;
  readonly convolutions: readonly OnnxNode[];
  readonly join: OnnxNode;
}

/**
 * Writes a split of the channels, a convolution of every part and the concatenation of the results as one convolution in
 * groups. TensorFlow.js has no other way to write a grouped convolution, and runtimes run one far faster than many.
 */
export function mergeGroups(graph: OnnxGraph): OnnxGraph {
  const edit = new GraphEdit(graph);
  for (const node of graph.nodes) {
    const groups = groupsBefore(edit, node);
    const merged = groups === undefined ? undefined : mergedConvolution(edit, groups);
    if (groups === undefined || merged === undefined) continue;
    for (const removed of [groups.split, ...groups.convolutions]) edit.replace(removed, []);
    edit.replace(node, merged);
  }
  return edit.finish();
}

function groupsBefore(edit: GraphEdit, join: OnnxNode): Groups | undefined {
  if (join.op !== 'Concat' || integer(join, 'axis') !== 1) return undefined;
  const convolutions = join.inputs.flatMap((value) => edit.uses.producer(value) ?? []);
  const split = edit.uses.producer(convolutions[0]?.inputs[0] ?? '');
  if (split === undefined || split.op !== 'Split' || integer(split, 'axis') !== 1) return undefined;
  const isOne = convolutions.length === join.inputs.length && convolutions.length === split.outputs.length;
  const isMatched = convolutions.every((convolution, i) => isPart(edit, convolution, convolutions[0], split.outputs[i] ?? ''));
  return isOne && isMatched && isEven(edit, split) ? { split, convolutions, join } : undefined;
}

function isPart(edit: GraphEdit, convolution: OnnxNode, first: OnnxNode | undefined, part: string): boolean {
  const { op, inputs, outputs, attributes } = convolution;
  const isPrivate = edit.uses.isPrivate(part) && edit.uses.isPrivate(outputs[0] ?? '');
  return op === 'Conv' && inputs[0] === part && isPrivate && JSON.stringify(attributes) === JSON.stringify(first?.attributes);
}

function isEven(edit: GraphEdit, split: OnnxNode): boolean {
  const widths = [...(edit.constant(split.inputs[1])?.data ?? [])];
  return widths.length > 1 && widths.every((width) => width === widths[0]);
}

function mergedConvolution(edit: GraphEdit, { split, convolutions, join }: Groups): readonly OnnxNode[] | undefined {
  const [first] = convolutions;
  const weight = joinWeights(
    edit,
    convolutions.map(({ inputs }) => inputs[1] ?? ''),
  );
  const bias = joinedBias(edit, convolutions);
  if (first === undefined || weight === undefined || bias === undefined) return undefined;
  const group = { int: convolutions.length * (integer(first, 'group') ?? 1) };
  const inputs = [split.inputs[0] ?? '', weight.name, ...bias];
  return [...weight.nodes, { ...first, inputs, outputs: join.outputs, attributes: { ...first.attributes, group } }];
}

/** Names of the joined bias, of which there may be none; undefined where only some convolutions have one. */
function joinedBias(edit: GraphEdit, convolutions: readonly OnnxNode[]): readonly string[] | undefined {
  const parts = convolutions.flatMap(({ inputs }): readonly (OnnxInitializer | undefined)[] =>
    inputs[2] === undefined ? [] : [edit.constant(inputs[2])],
  );
  if (parts.length === 0) return [];
  if (parts.length < convolutions.length || parts.includes(undefined)) return undefined;
  const values = parts.flatMap((part) => [...(part?.data ?? [])]);
  return [edit.store(`${parts[0]?.name ?? 'bias'}/joined`, 'FLOAT', [values.length], Float32Array.from(values))];
}

function integer({ attributes }: OnnxNode, key: string): number | undefined {
  const value = attributes[key];
  return value !== undefined && 'int' in value ? value.int : undefined;
}

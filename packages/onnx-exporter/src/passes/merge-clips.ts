import type { OnnxGraph, OnnxNode } from '../emit/onnx-graph.ts';
import { GraphEdit } from './graph-edit.ts';

/** A node that cuts its operand to a range. */
interface Clip {
  readonly source: string;
  readonly low: number;
  readonly high: number;
}

/**
 * Makes one `Relu` or `Clip` out of a chain of them, of minima and of maxima: Keras writes relu6 as a minimum of a relu,
 * and the runtimes fuse a convolution with one clip only.
 */
export function mergeClips(graph: OnnxGraph): OnnxGraph {
  const edit = new GraphEdit(graph);
  const clips = new Map<string, Clip>();
  for (const node of graph.nodes) {
    const [output = ''] = node.outputs;
    const clip = clipOf(edit, node);
    if (clip === undefined) continue;
    const merged = mergeWith(edit, clips.get(clip.source), clip);
    clips.set(output, merged);
    edit.replace(node, [writeClip(edit, node, merged)]);
  }
  return edit.finish();
}

function clipOf(edit: GraphEdit, { op, inputs }: OnnxNode): Clip | undefined {
  const [source = '', second, third] = inputs;
  if (op === 'Relu') return { source, low: 0, high: Infinity };
  if (op === 'Clip') return range(source, bound(edit, second, -Infinity), bound(edit, third, Infinity));
  if (op !== 'Min' && op !== 'Max') return undefined;
  const limit = limitOf(edit, inputs);
  if (limit === undefined) return undefined;
  return op === 'Min'
    ? { source: limit.source, low: -Infinity, high: limit.value }
    : { source: limit.source, low: limit.value, high: Infinity };
}

function range(source: string, low: number | undefined, high: number | undefined): Clip | undefined {
  return low === undefined || high === undefined || low > high ? undefined : { source, low, high };
}

function bound(edit: GraphEdit, name: string | undefined, open: number): number | undefined {
  return name === undefined || name === '' ? open : floatScalar(edit, name);
}

function limitOf(edit: GraphEdit, inputs: readonly string[]): { source: string; value: number } | undefined {
  const [first = '', second = ''] = inputs;
  if (inputs.length !== 2) return undefined;
  const [left, right] = [floatScalar(edit, first), floatScalar(edit, second)];
  if (right !== undefined) return { source: first, value: right };
  return left === undefined ? undefined : { source: second, value: left };
}

// Integers keep their own operations: not every runtime clips them.
function floatScalar(edit: GraphEdit, name: string): number | undefined {
  return edit.constant(name)?.type === 'FLOAT' ? edit.scalar(name) : undefined;
}

/** Both clips in one, where nothing else reads what is between them. */
function mergeWith(edit: GraphEdit, inner: Clip | undefined, outer: Clip): Clip {
  if (inner === undefined || !edit.uses.isPrivate(outer.source)) return outer;
  const cut = (value: number): number => Math.min(Math.max(value, outer.low), outer.high);
  return { source: inner.source, low: cut(inner.low), high: cut(inner.high) };
}

function writeClip(edit: GraphEdit, node: OnnxNode, { source, low, high }: Clip): OnnxNode {
  if (low === 0 && high === Infinity) return { ...node, op: 'Relu', inputs: [source], attributes: {} };
  const store = (value: number): string => (Number.isFinite(value) ? edit.storeScalar(value) : '');
  const inputs = [source, store(low), store(high)];
  return { ...node, op: 'Clip', inputs: inputs.slice(0, inputs.findLastIndex((input) => input !== '') + 1), attributes: {} };
}

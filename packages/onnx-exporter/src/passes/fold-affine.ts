import type { OnnxGraph, OnnxNode } from '../emit/onnx-graph.ts';
import type { ResolvedOptions } from '../options.ts';
import { affineOf, type Affine } from './affine.ts';
import { makerOf } from './moving.ts';
import { scaleWeight } from './scale-weight.ts';
import { GraphEdit } from './graph-edit.ts';

/** A convolution or dense layer with what a chain of multiplications and additions behind it makes of its result. */
interface Chain {
  readonly base: OnnxNode;
  readonly channels: number;
  readonly gain: Float32Array;
  readonly shift: Float32Array;
  readonly followers: readonly OnnxNode[];
}

/**
 * Makes bias additions and batch norms part of the convolution or dense layer before them. Integer weights stay the
 * integers they are: a batch norm's factor goes to the scale of each channel, its offset to the bias. Runtimes run the
 * layer on integers only when nothing stands between it and the next quantizer.
 */
export function foldAffine(graph: OnnxGraph, options: ResolvedOptions): OnnxGraph {
  const edit = new GraphEdit(graph);
  for (const node of graph.nodes) {
    const chain = chainOf(edit, node, options.foldBatchNorm);
    if (chain === undefined || apply(edit, chain)) continue;
    // The weight cannot take a factor; what is added before the first one needs no change of it.
    const additions = chainOf(edit, node, false);
    if (additions !== undefined) apply(edit, additions);
  }
  return edit.finish();
}

/** Axis of the output channels in the weight of each layer that can take a factor. */
const CHANNEL_AXIS: Readonly<Record<string, number>> = { Conv: 0, ConvTranspose: 1, Gemm: 0 };

function chainOf(edit: GraphEdit, base: OnnxNode, foldsGain: boolean): Chain | undefined {
  const shape = weightShape(edit, base);
  const channels = shape?.[CHANNEL_AXIS[base.op] ?? -1];
  if (shape === undefined || channels === undefined || !isFoldable(base)) return undefined;
  const start: Chain = { base, channels, gain: new Float32Array(channels).fill(1), shift: biasOf(edit, base, channels), followers: [] };
  return extend(edit, start, shape.length, foldsGain);
}

function isFoldable({ op, attributes }: OnnxNode): boolean {
  const [group, transposed] = [attributes['group'], attributes['transB']];
  if (op === 'Gemm') return transposed !== undefined && 'int' in transposed && transposed.int === 1;
  return op === 'Conv' || group === undefined || ('int' in group && group.int === 1);
}

/** Shape of a constant weight, plain or on a grid. */
function weightShape(edit: GraphEdit, { op, inputs }: OnnxNode): readonly number[] | undefined {
  if (!(op in CHANNEL_AXIS)) return undefined;
  const [, weight = ''] = inputs;
  return (edit.constant(weight) ?? edit.constant(edit.uses.producer(weight)?.inputs[0]))?.shape;
}

function biasOf(edit: GraphEdit, { inputs }: OnnxNode, channels: number): Float32Array {
  const bias = edit.constant(inputs[2]);
  return bias === undefined ? new Float32Array(channels) : Float32Array.from(bias.data);
}

/** The chain as far as it goes. */
function extend(edit: GraphEdit, chain: Chain, rank: number, foldsGain: boolean): Chain {
  const value = lastValue(chain);
  const [next] = edit.uses.consumers(value);
  if (next === undefined || !edit.uses.isPrivate(value)) return chain;
  const affine = affineOf(edit, next, value, rank, chain.channels);
  if (affine === undefined || (affine.hasGain && !foldsGain)) return chain;
  return extend(edit, appended(chain, next, affine), rank, foldsGain);
}

function appended(chain: Chain, follower: OnnxNode, { gain, shift }: Affine): Chain {
  return {
    ...chain,
    gain: chain.gain.map((value, c) => value * gain(c)),
    shift: chain.shift.map((value, c) => value * gain(c) + shift(c)),
    followers: [...chain.followers, follower],
  };
}

function lastValue({ base, followers }: Chain): string {
  return (followers.at(-1) ?? base).outputs[0] ?? '';
}

/** @returns false when the weight cannot take the factor */
function apply(edit: GraphEdit, chain: Chain): boolean {
  const { base, gain, followers } = chain;
  if (followers.length === 0) return true;
  const isScaled = gain.some((value) => value !== 1);
  const [, weight = ''] = base.inputs;
  const axis = CHANNEL_AXIS[base.op] ?? 0;
  const scaled = isScaled ? scaleWeight(edit, weight, { gain, axis }) : { name: weight, nodes: [] };
  if (scaled === undefined) return false;
  const holdsBias = canHoldBias(edit, chain);
  if (!isScaled && !holdsBias) return true;
  edit.replace(base, [...scaled.nodes, ...(holdsBias ? withBias(edit, chain, scaled.name) : withAddition(edit, chain, scaled.name))]);
  for (const follower of followers) edit.replace(follower, []);
  return true;
}

/**
 * ONNX Runtime runs a quantized `Gemm` with a bias on integers only when its result is quantized too, to the type of its
 * input; without the bias it always does, and the addition costs next to nothing.
 */
function canHoldBias(edit: GraphEdit, chain: Chain): boolean {
  const { base } = chain;
  const [left, right] = [gridBehind(edit, base.inputs[0]), gridBehind(edit, base.inputs[1])];
  if (base.op !== 'Gemm' || left === undefined || right === undefined) return true;
  const next = quantizerAhead(edit, lastValue(chain));
  return next !== undefined && edit.constant(next.inputs[2])?.type === edit.constant(left.inputs[2])?.type;
}

/** The `DequantizeLinear` that a value comes from, if nothing but its shape was changed since. */
function gridBehind(edit: GraphEdit, value: string | undefined): OnnxNode | undefined {
  const maker = makerOf(edit, value);
  return maker?.op === 'DequantizeLinear' ? maker : undefined;
}

/** The `QuantizeLinear` that alone reads a value, behind a relu or clip at most. */
function quantizerAhead(edit: GraphEdit, value: string): OnnxNode | undefined {
  const [next] = edit.uses.consumers(value);
  if (next === undefined || !edit.uses.isPrivate(value)) return undefined;
  if (next.op === 'QuantizeLinear') return next;
  return next.op === 'Relu' || next.op === 'Clip' ? quantizerAhead(edit, next.outputs[0] ?? '') : undefined;
}

function withBias(edit: GraphEdit, chain: Chain, weight: string): readonly OnnxNode[] {
  const { base, shift, channels } = chain;
  const bias = edit.store(`${base.name}/bias`, 'FLOAT', [channels], shift);
  return [{ ...base, inputs: [base.inputs[0] ?? '', weight, bias], outputs: [lastValue(chain)] }];
}

function withAddition(edit: GraphEdit, chain: Chain, weight: string): readonly OnnxNode[] {
  const { base, shift, channels } = chain;
  const bias = edit.store(`${base.name}/bias`, 'FLOAT', [channels], shift);
  const [x = ''] = base.inputs;
  const [product = ''] = base.outputs;
  const name = `${base.name}/Add`;
  return [
    { ...base, inputs: [x, weight] },
    { name, op: 'Add', domain: '', inputs: [product, bias], outputs: [lastValue(chain)], attributes: {} },
  ];
}

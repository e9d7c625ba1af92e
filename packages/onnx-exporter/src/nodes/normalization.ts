import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { channelsFirst, type Layout } from '../layout/layout.ts';
import { numberAttribute } from '../prepare/attributes.ts';

/** Normalizations. */
export const normalizationMappings: readonly OnnxNodeMapping[] = [
  { op: 'FusedBatchNorm', layout: 'any', emit: emitBatchNorm },
  { op: 'LRN', layout: 'channels-first', emit: emitLocalResponse },
];

/**
 * `BatchNormalization` where the channels already lie behind the batch, else a multiplication and an addition, which
 * need no transpose.
 */
function emitBatchNorm(context: OnnxNodeContext): void {
  const statistics = constantStatistics(context);
  const layout = context.layout(0);
  if (statistics === undefined) emitComputed(context);
  else if (layout[1] === context.sizes(0).length - 1) emitDirect(context, layout, statistics);
  else emitAffine(context, statistics);
}

/** Per-channel statistics that the file stores. */
interface Statistics {
  readonly scale: Float32Array;
  readonly offset: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly epsilon: number;
}

/** The statistics; undefined where they are not constant vectors. */
function constantStatistics(context: OnnxNodeContext): Statistics | undefined {
  const channels = context.traced({ input: 0 }).at(-1) ?? 1;
  const vector = (name: string, fallback: number): Float32Array | undefined => {
    const port = context.port(name);
    if (port < 0) return new Float32Array(channels).fill(fallback);
    const data = context.constant(port);
    return data?.shape.length === 1 ? Float32Array.from(data.data) : undefined;
  };
  const [scale, offset] = [vector('scale', 1), vector('offset', 0)];
  const [mean, variance] = [vector('mean', 0), vector('variance', 1)];
  if (!scale || !offset || !mean || !variance) return undefined;
  return { scale, offset, mean, variance, epsilon: epsilonOf(context) };
}

function epsilonOf({ node }: OnnxNodeContext): number {
  return numberAttribute(node, 'varianceEpsilon');
}

function emitDirect(context: OnnxNodeContext, layout: Layout, statistics: Statistics): void {
  const { scale, offset, mean, variance, epsilon } = statistics;
  const vectors = [scale, offset, mean, variance].map((vector) => context.builder.constant(vector, [vector.length], 'FLOAT'));
  const inputs = [context.input(0, layout), ...vectors];
  const out = context.emit('BatchNormalization', inputs, { epsilon: { float: epsilon } });
  context.output(0, out, layout);
}

function emitAffine(context: OnnxNodeContext, statistics: Statistics): void {
  const { scale, offset, mean, variance, epsilon } = statistics;
  const layout = context.commonLayout();
  const gain = scale.map((value, i) => value / Math.sqrt((variance[i] ?? 0) + epsilon));
  const shift = offset.map((value, i) => value - (mean[i] ?? 0) * (gain[i] ?? 0));
  const vector = (data: Float32Array): string =>
    context.broadcastConstant({ data, shape: [data.length], dtype: 'float32' }, layout, context.sizes(0).length);
  const scaled = context.emit('Mul', [context.input(0, layout), vector(gain)]);
  context.output(0, context.emit('Add', [scaled, vector(shift)]), layout);
}

/** Statistics that the model computes, or that are not per channel. */
function emitComputed(context: OnnxNodeContext): void {
  const layout = context.commonLayout();
  const part = (name: string): string | undefined => {
    const port = context.port(name);
    return port < 0 ? undefined : context.broadcastInput(port, layout, context.sizes(0).length);
  };
  const epsilon = context.scalar(epsilonOf(context));
  const spread = context.emit('Sqrt', [context.emit('Add', [part('variance') ?? '', epsilon])]);
  const centred = context.emit('Sub', [context.input(0, layout), part('mean') ?? '']);
  const normal = context.emit('Div', [centred, spread]);
  const [scale, offset] = [part('scale'), part('offset')];
  const scaled = scale === undefined ? normal : context.emit('Mul', [normal, scale]);
  context.output(0, offset === undefined ? scaled : context.emit('Add', [scaled, offset]), layout);
}

// TensorFlow's radius and per-element alpha against ONNX's window size and alpha over the window.
function emitLocalResponse(context: OnnxNodeContext): void {
  const number = (key: string): number => numberAttribute(context.node, key);
  const size = 2 * number('depthRadius') + 1;
  const layout = channelsFirst(context.sizes(0).length);
  const out = context.emit('LRN', [context.input(0, layout)], {
    size: { int: size },
    alpha: { float: number('alpha') * size },
    beta: { float: number('beta') },
    bias: { float: number('bias') },
  });
  context.output(0, out, layout);
}

import type * as tfl from '@tensorflow/tfjs-layers';
import type { ActivationKind } from './activations.ts';
import type { Builder, Padding } from './builder.ts';

/** Attention over channels (Hu et al. 2017, arXiv 1709.01507) as mobile networks have it. */
export interface SqueezeSpec {
  /** Channels in the middle. */
  readonly channels: number;
  readonly activation: ActivationKind;
  /** Maps to 0 … 1 what the channels are multiplied by. */
  readonly gate: ActivationKind;
}

/** A block that widens, filters each channel, and narrows again. */
export interface InvertedResidualSpec {
  readonly kernel: number;
  readonly stride: number;
  /** Channels in the middle; as many as the input has: no expansion. */
  readonly expanded: number;
  readonly channels: number;
  readonly activation: ActivationKind;
  readonly squeeze?: SqueezeSpec | undefined;
  /** Of batch normalization. */
  readonly epsilon: number;
  /** Of the filter. @default as many zeros on every side as keep the size at stride 1 */
  readonly padding?: Padding | undefined;
}

/** A block of MobileNet-v3 and EfficientNet: `expand`, `depthwise`, `se`, `project`, and the input added where it fits. */
export function invertedResidual(build: Builder, input: tfl.SymbolicTensor, name: string, spec: InvertedResidualSpec): tfl.SymbolicTensor {
  const { kernel, stride, expanded, channels, activation, squeeze, epsilon, padding = (kernel - 1) / 2 } = spec;
  const inside = (x: tfl.SymbolicTensor, part: string): tfl.SymbolicTensor =>
    build.activation(build.batchNorm(x, `${name}.${part}.bn`, epsilon), `${name}.${part}.act`, activation);
  const width = input.shape.at(-1);
  let x = input;
  if (width !== expanded) x = inside(build.conv(x, `${name}.expand`, { filters: expanded, kernel: 1 }), 'expand');
  x = inside(build.depthwise(x, `${name}.depthwise`, { kernel, stride, padding }), 'depthwise');
  if (squeeze !== undefined) x = squeezeExcite(build, x, `${name}.se`, squeeze);
  x = build.batchNorm(build.conv(x, `${name}.project`, { filters: channels, kernel: 1 }), `${name}.project.bn`, epsilon);
  return stride === 1 && width === channels ? build.add([x, input], `${name}.add`) : x;
}

function squeezeExcite(build: Builder, input: tfl.SymbolicTensor, name: string, spec: SqueezeSpec): tfl.SymbolicTensor {
  const channels = input.shape.at(-1) ?? 0;
  let x = build.reshape(build.globalAveragePool(input, `${name}.pool`), `${name}.pixel`, [1, 1, channels]);
  x = build.conv(x, `${name}.reduce`, { filters: spec.channels, kernel: 1, bias: true });
  x = build.activation(x, `${name}.act`, spec.activation);
  x = build.conv(x, `${name}.expand`, { filters: channels, kernel: 1, bias: true });
  return build.multiply([input, build.activation(x, `${name}.gate`, spec.gate)], `${name}.scale`);
}

/** A sliding window along one axis. */
export interface WindowAxis {
  /** Size of the input. */
  readonly input: number;
  /** Size of the output, known from the trace. */
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
}

/** Elements added before and after. */
export type Padding = readonly [number, number];

/** TensorFlow.js's ways to say how an operation pads: by name, or elements before and after. */
export type PaddingRule = 'same' | 'valid' | Padding;

/**
 * Explicit padding along one axis. `same` is TensorFlow's: half of what is missing in front, rounded down, the rest
 * behind. What is added behind makes ONNX's rounding down give the traced size, whichever way TensorFlow.js rounded.
 */
export function windowPadding(axis: WindowAxis, rule: PaddingRule): Padding {
  const { input, output, kernel, stride, dilation } = axis;
  const reach = (output - 1) * stride + (kernel - 1) * dilation + 1;
  if (rule === 'valid') return [0, 0];
  const missing = Math.max(reach - input, 0);
  if (rule === 'same') return [Math.floor(missing / 2), missing - Math.floor(missing / 2)];
  return [rule[0], Math.max(reach - input - rule[0], 0)];
}

/** Size of the output by ONNX's formula, which rounds down. */
export function windowOutput(axis: WindowAxis, [before, after]: Padding): number {
  const reach = (axis.kernel - 1) * axis.dilation + 1;
  return Math.floor((axis.input + before + after - reach) / axis.stride) + 1;
}

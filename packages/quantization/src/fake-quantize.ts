import * as tf from '@tensorflow/tfjs-core';
import { broadcastsInto } from './channels.ts';
import { differentiable } from './differentiable.ts';
import { parameterShapeMismatch } from './errors.ts';
import { fakeQuantizeKernels, type Grid } from './kernels.ts';
import { quantizeOperation } from './kernels/operation.ts';
import { type AsymmetricLevelOptions, asymmetricLevels, type LevelRange, type SymmetricLevelOptions, symmetricLevels } from './levels.ts';
import { computeTunedRange } from './tune-range.ts';

/** Keeps a parameter that training has driven to zero from dividing by zero. */
const EPSILON = 1e-16;

/**
 * Rounds `x` to the grid of a symmetric quantizer (arXiv 2002.08679, section 3.1). With the levels [ll, lh] of the options:
 *
 *     S = |scale| + 1e-16    low = S·ll/lh    range = S − low    s = (lh − ll)/range
 *     y = round((clamp(x, low, low + range) − low)·s − round(−low·s))/s, half to even
 *
 * Zero stays zero. Gradients, for upstream g, with hi = [x > low + range], lo = [x < low] and in = the rest, bounds included:
 *
 *     dx = g·in    dScale = sign(scale)·Σ g·(in·(y − x)/range + hi + lo·ll/lh)
 *
 * where Σ runs over the axes on which `scale` has size 1. The rounding error is divided by `range`, the width of both sides (2·S for a
 * signed narrow quantizer), not by S: learning rates tuned with NNCF carry over.
 *
 * @param x float32 tensor
 * @param scale highest value of the grid, of a shape that broadcasts into that of `x`; its sign is ignored
 * @throws NncfError `BITS_OUT_OF_RANGE`, `SHAPE_MISMATCH`
 */
export function fakeQuantizeSymmetric<T extends tf.Tensor>(x: T, scale: tf.Tensor, options: SymmetricLevelOptions): T {
  return fakeQuantizeSymmetricLevels(x, scale, symmetricLevels(options));
}

/** {@link fakeQuantizeSymmetric} for given levels. */
export function fakeQuantizeSymmetricLevels<T extends tf.Tensor>(x: T, scale: tf.Tensor, levels: LevelRange): T {
  assertBroadcast('scale', scale, x);
  return quantizeOperation(x, scale.shape)?.symmetric(x, scale, levels) ?? symmetricOnGrid(x, scale, levels);
}

function symmetricOnGrid<T extends tf.Tensor>(x: T, scale: tf.Tensor, levels: LevelRange): T {
  const levelRatio = levels.levelLow / levels.levelHigh;
  const quantize = differentiable<T>((inputs, save) => {
    const [input, parameter] = inputs as [tf.Tensor, tf.Tensor];
    const kernels = fakeQuantizeKernels(input, parameter.shape);
    const grid = symmetricGrid(parameter, levels);
    const y = kernels.forward(input, grid);
    save([input, y, grid.low, grid.range, parameter]);
    return {
      value: y,
      gradFunc: (upstream, saved) => {
        const [x, y, low, range, signed] = saved as Saved;
        const { dx, dRange } = kernels.backward({ upstream, x, y }, { low, range, levels: levels.levels }, levelRatio);
        return [dx, tf.mul(dRange, signOf(signed))];
      },
    };
  });
  return quantize(x, scale);
}

/**
 * Rounds `x` to the grid of an asymmetric quantizer: the range is first tuned so that zero is a grid point ({@link tuneRange}), then as in
 * {@link fakeQuantizeSymmetric} with the levels [0, 2^bits − 1]. Gradients, the tuning passed through unchanged:
 *
 *     dx = g·in    dInputRange = sign(inputRange)·Σ g·(in·(y − x)/range + hi)    dInputLow = Σ g·(hi + lo)
 *
 * @param x float32 tensor
 * @param inputLow lowest value, of a shape that broadcasts into that of `x`
 * @param inputRange width, same shape as `inputLow`; its sign is ignored
 * @throws NncfError `BITS_OUT_OF_RANGE`, `SHAPE_MISMATCH`
 */
export function fakeQuantizeAsymmetric<T extends tf.Tensor>(
  x: T,
  inputLow: tf.Tensor,
  inputRange: tf.Tensor,
  options: AsymmetricLevelOptions,
): T {
  return fakeQuantizeAsymmetricLevels(x, inputLow, inputRange, asymmetricLevels(options).levels);
}

/** {@link fakeQuantizeAsymmetric} for a given number of levels. */
export function fakeQuantizeAsymmetricLevels<T extends tf.Tensor>(x: T, inputLow: tf.Tensor, inputRange: tf.Tensor, levels: number): T {
  assertBroadcast('inputLow', inputLow, x);
  if (!tf.util.arraysEqual(inputRange.shape, inputLow.shape)) throw parameterShapeMismatch('inputRange', inputRange.shape, inputLow.shape);
  const operation = quantizeOperation(x, inputRange.shape);
  return operation?.asymmetric(x, inputLow, inputRange, levels) ?? asymmetricOnGrid(x, inputLow, inputRange, levels);
}

function asymmetricOnGrid<T extends tf.Tensor>(x: T, inputLow: tf.Tensor, inputRange: tf.Tensor, levels: number): T {
  const quantize = differentiable<T>((inputs, save) => {
    const [input, low, range] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor];
    const kernels = fakeQuantizeKernels(input, range.shape);
    const grid = asymmetricGrid(low, range, levels);
    const y = kernels.forward(input, grid);
    save([input, y, grid.low, grid.range, range]);
    return {
      value: y,
      gradFunc: (upstream, saved) => {
        const [x, y, low, range, signed] = saved as Saved;
        const { dx, dRange, dLow } = kernels.backward({ upstream, x, y }, { low, range, levels }, 0);
        return [dx, dLow, tf.mul(dRange, signOf(signed))];
      },
    };
  });
  return quantize(x, inputLow, inputRange);
}

/** The grid of a symmetric quantizer: from S·ll/lh to S. */
export function symmetricGrid(scale: tf.Tensor, { levelLow, levelHigh, levels }: LevelRange): Grid {
  return tf.tidy(() => {
    const high = tf.add(tf.abs(scale), EPSILON);
    const low = tf.mul(high, levelLow / levelHigh);
    return { low, range: tf.sub(high, low), levels, startsAtZero: levelLow === 0 };
  });
}

/** The grid of an asymmetric quantizer: its range, tuned so that zero is a grid point. */
export function asymmetricGrid(inputLow: tf.Tensor, inputRange: tf.Tensor, levels: number): Grid {
  return tf.tidy(() => {
    const { low, range } = computeTunedRange(inputLow, tf.add(tf.abs(inputRange), EPSILON), levels);
    return { low, range, levels };
  });
}

/** What the gradient needs of the forward pass: x, y, the grid's low and range, and the parameter whose sign was dropped. */
type Saved = [x: tf.Tensor, y: tf.Tensor, low: tf.Tensor, range: tf.Tensor, signed: tf.Tensor];

/** Above the subnormal numbers, which some processors take for zero. */
const TINY = 1e-30;

/** −1, 0 or 1. `tf.sign` of the wasm backend takes small numbers for zero. */
function signOf(x: tf.Tensor): tf.Tensor {
  return tf.div(x, tf.maximum(tf.abs(x), TINY));
}

function assertBroadcast(name: string, parameter: tf.Tensor, x: tf.Tensor): void {
  if (!broadcastsInto(parameter.shape, x.shape)) throw parameterShapeMismatch(name, parameter.shape, x.shape);
}

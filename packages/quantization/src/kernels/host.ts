import * as tf from '@tensorflow/tfjs-core';
import type { ChannelView } from '../channels.ts';
import { float32Values } from '../tensor-values.ts';
import type { Application, FakeQuantizeKernels, Grid, GridGradients } from '../kernels.ts';

/** Fake quantization in one pass over the values in memory, for backends that hold them there. Sums are kept in double precision. */
export function hostKernels(view: ChannelView): FakeQuantizeKernels {
  return {
    forward: (x, grid) => forward(x, hostGrid(grid), view),
    backward: (application, grid, levelRatio) => backward(application, grid, view, levelRatio),
  };
}

/** The parameters of a grid by channel. */
interface HostGrid {
  readonly low: Float32Array;
  readonly high: Float32Array;
  readonly s: Float32Array;
  readonly zeroPoint: Float32Array;
}

/** Adding and taking off 1.5·2²³ in float32 rounds a number below 2²² half to even. */
const ROUNDER = 12582912;

const f32 = Math.fround;

function roundHalfToEven(value: number): number {
  return f32(f32(f32(value) + ROUNDER) - ROUNDER);
}

function hostGrid(grid: Grid): HostGrid {
  const low = float32Values(grid.low);
  const range = float32Values(grid.range);
  const s = range.map((width) => (grid.levels - 1) / width);
  return {
    low,
    high: low.map((value, channel) => value + range[channel]!),
    s,
    zeroPoint: low.map((value, channel) => roundHalfToEven(f32(-value * s[channel]!))),
  };
}

function forward(x: tf.Tensor, grid: HostGrid, view: ChannelView): tf.Tensor {
  const values = float32Values(x);
  const quantized = new Float32Array(values.length);
  if (view.inner === 1) quantizeRows(values, quantized, grid, view.channels);
  else forEachRun(view, (channel, start) => quantizeRun(values, quantized, grid, channel, start, start + view.inner));
  return tf.tensor(quantized, x.shape, 'float32');
}

function quantizeRun(x: Float32Array, y: Float32Array, grid: HostGrid, channel: number, start: number, end: number): void {
  const low = f32(grid.low[channel]!);
  const high = f32(grid.high[channel]!);
  const s = f32(grid.s[channel]!);
  const zeroPoint = f32(grid.zeroPoint[channel]!);
  for (let i = start; i < end; i++) {
    const clamped = f32(Math.max(Math.min(x[i]!, high), low));
    y[i] = f32(f32(f32(f32(f32(f32(clamped - low) * s) - zeroPoint) + ROUNDER) - ROUNDER) / s);
  }
}

// The same with the channel as the fastest axis (NHWC activations, HWIO filters), where runs would be one value long.
function quantizeRows(x: Float32Array, y: Float32Array, { low, high, s, zeroPoint }: HostGrid, channels: number): void {
  for (let row = 0; row < x.length; row += channels) {
    for (let c = 0; c < channels; c++) {
      const clamped = f32(Math.max(Math.min(x[row + c]!, high[c]!), low[c]!));
      y[row + c] = f32(f32(f32(f32(f32(f32(clamped - low[c]!) * s[c]!) - zeroPoint[c]!) + ROUNDER) - ROUNDER) / s[c]!);
    }
  }
}

/** Sums over the values of a channel: g·(y − x) inside, g above and g below. */
interface ChannelSums {
  readonly rounding: Float64Array;
  readonly above: Float64Array;
  readonly below: Float64Array;
}

function backward({ upstream, x, y }: Application, grid: Grid, view: ChannelView, levelRatio: number): GridGradients {
  const host = hostGrid(grid);
  const dx = new Float32Array(x.size);
  const sums: ChannelSums = {
    rounding: new Float64Array(view.channels),
    above: new Float64Array(view.channels),
    below: new Float64Array(view.channels),
  };
  const arrays = { g: float32Values(upstream), x: float32Values(x), y: float32Values(y), dx };
  if (view.inner === 1) differentiateRows(arrays, host, view.channels, sums);
  else forEachRun(view, (channel, start) => differentiateRun(arrays, host, channel, [start, start + view.inner], sums));
  return { dx: tf.tensor(dx, x.shape, 'float32'), ...parameterGradients(sums, grid, levelRatio) };
}

function parameterGradients({ rounding, above, below }: ChannelSums, grid: Grid, levelRatio: number): Omit<GridGradients, 'dx'> {
  const range = float32Values(grid.range);
  const dRange = Float32Array.from(rounding, (sum, c) => sum / range[c]! + above[c]! + below[c]! * levelRatio);
  const dLow = Float32Array.from(above, (sum, c) => sum + below[c]!);
  return { dRange: tf.tensor(dRange, grid.range.shape, 'float32'), dLow: tf.tensor(dLow, grid.low.shape, 'float32') };
}

interface Arrays {
  readonly g: Float32Array;
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly dx: Float32Array;
}

function differentiateRun(
  { g, x, y, dx }: Arrays,
  grid: HostGrid,
  channel: number,
  [start, end]: readonly [number, number],
  sums: ChannelSums,
): void {
  const low = grid.low[channel]!;
  const high = grid.high[channel]!;
  let rounding = 0;
  let above = 0;
  let below = 0;
  for (let i = start; i < end; i++) {
    const value = x[i]!;
    if (value > high) above += g[i]!;
    else if (value < low) below += g[i]!;
    else rounding += (dx[i] = g[i]!) * (y[i]! - value);
  }
  sums.rounding[channel]! += rounding;
  sums.above[channel]! += above;
  sums.below[channel]! += below;
}

function differentiateRows({ g, x, y, dx }: Arrays, { low, high }: HostGrid, channels: number, sums: ChannelSums): void {
  for (let row = 0; row < x.length; row += channels) {
    for (let c = 0; c < channels; c++) {
      const i = row + c;
      const value = x[i]!;
      if (value > high[c]!) sums.above[c]! += g[i]!;
      else if (value < low[c]!) sums.below[c]! += g[i]!;
      else sums.rounding[c]! += (dx[i] = g[i]!) * (y[i]! - value);
    }
  }
}

function forEachRun({ outer, channels, inner }: ChannelView, visit: (channel: number, start: number) => void): void {
  for (let o = 0; o < outer; o++) {
    for (let channel = 0; channel < channels; channel++) visit(channel, (o * channels + channel) * inner);
  }
}

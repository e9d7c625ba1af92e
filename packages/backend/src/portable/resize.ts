/** Gradients of resizing in plain loops, for the backends whose own are wrong: cpu exchanges height and width. */
import * as tf from '@tensorflow/tfjs-core';
import { attributesOf, inputsOf } from '../kernel-map.ts';

interface ResizeAttributes {
  readonly alignCorners?: boolean;
  readonly halfPixelCenters?: boolean;
}

/** Where an output position reads along one axis: two neighbours and how far it is from the first to the second. */
interface Reading {
  readonly low: number;
  readonly high: number;
  readonly fraction: number;
}

function step(from: number, to: number, alignCorners: boolean): number {
  return alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
}

/** Linear readings of an axis of `from` values stretched to `to`. */
function linearReadings(from: number, to: number, { alignCorners = false, halfPixelCenters = false }: ResizeAttributes): Reading[] {
  const scale = step(from, to, alignCorners);
  return Array.from({ length: to }, (_, index) => {
    const at = halfPixelCenters ? (index + 0.5) * scale - 0.5 : index * scale;
    const floor = Math.floor(at);
    return {
      low: Math.max(floor, 0),
      high: Math.min(Math.ceil(at), from - 1),
      fraction: at - floor,
    };
  });
}

/** Readings of the nearest value of an axis of `from` values stretched to `to`. */
function nearestReadings(from: number, to: number, { alignCorners = false, halfPixelCenters = false }: ResizeAttributes): Reading[] {
  const scale = step(from, to, alignCorners);
  return Array.from({ length: to }, (_, index) => {
    const at = halfPixelCenters ? (index + 0.5) * scale : index * scale;
    const nearest = Math.max(0, Math.min(from - 1, alignCorners ? Math.round(at) : Math.floor(at)));
    return { low: nearest, high: nearest, fraction: 0 };
  });
}

/**
 * Shares each output position's gradient out over the values it was read from.
 *
 * @param dy `[batch, rows.length, columns.length, channels]` flat.
 * @param shape Shape of the input, `[batch, height, width, channels]`.
 */
function scatter(dy: ArrayLike<number>, shape: number[], rows: readonly Reading[], columns: readonly Reading[]): Float32Array {
  const [batch = 1, height = 1, width = 1, channels = 1] = shape;
  const dx = new Float32Array(batch * height * width * channels);
  let from = 0;
  const add = (to: number, share: number): void => {
    if (share === 0) return;
    for (let c = 0; c < channels; c += 1) dx[to + c]! += dy[from + c]! * share;
  };
  for (let image = 0; image < batch; image += 1) {
    const at = (row: number, column: number): number => ((image * height + row) * width + column) * channels;
    for (const row of rows) {
      for (const column of columns) {
        add(at(row.low, column.low), (1 - row.fraction) * (1 - column.fraction));
        add(at(row.low, column.high), (1 - row.fraction) * column.fraction);
        add(at(row.high, column.low), row.fraction * (1 - column.fraction));
        add(at(row.high, column.high), row.fraction * column.fraction);
        from += channels;
      }
    }
  }
  return dx;
}

function resizeGrad(kernelName: string, backendName: string, readings: typeof linearReadings): tf.KernelConfig {
  return {
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { dy, images } = inputsOf<'dy' | 'images'>(inputs);
      const attributes = attributesOf<ResizeAttributes>(attrs);
      const axis = (index: number): Reading[] => readings(images.shape[index] ?? 1, dy.shape[index] ?? 1, attributes);
      return tf.tensor(scatter(dy.dataSync(), images.shape, axis(1), axis(2)), images.shape);
    },
  };
}

/** TensorFlow.js's kernels `ResizeBilinearGrad` and `ResizeNearestNeighborGrad` on the named backend. */
export function resizeGradConfigs(backendName: string): tf.KernelConfig[] {
  return [
    resizeGrad(tf.ResizeBilinearGrad, backendName, linearReadings),
    resizeGrad(tf.ResizeNearestNeighborGrad, backendName, nearestReadings),
  ];
}

import * as ort from 'onnxruntime-node';
import { unreadableOnnx } from './errors.ts';

/** A network in an ONNX file, running in ONNX Runtime on the CPU. */
export interface OnnxNetwork {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Outputs by name for inputs by name. */
  run(inputs: Readonly<Record<string, ort.Tensor>>): Promise<Readonly<Record<string, ort.Tensor>>>;
  /** First output, row by row, for a first input of 32-bit floats. */
  runFirst(values: Float32Array, shape: readonly number[]): Promise<Float32Array>;
  close(): Promise<void>;
}

/** @throws NncfError `CORRUPT_FILE` when ONNX Runtime refuses the file */
export async function openOnnx(file: string): Promise<OnnxNetwork> {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 }).catch((cause: unknown) => {
    throw unreadableOnnx(file, cause);
  });
  const [input = ''] = session.inputNames;
  const [output = ''] = session.outputNames;
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: (inputs) => session.run(inputs),
    runFirst: async (values, shape) => {
      const results = await session.run({ [input]: new ort.Tensor('float32', values, shape) });
      return results[output]!.data as Float32Array;
    },
    close: () => session.release(),
  };
}

/** Times runs in turn on one picture at a time. */
export interface LatencyOptions {
  /** Runs that count. @default 300 */
  readonly runs?: number;
  /** Runs before. @default 50 */
  readonly warmup?: number;
}

/**
 * Median time of one picture in milliseconds for each file. The files take turns, so that a busy machine slows all of
 * them alike.
 * @param shape `[height, width, channels]`
 */
export async function latencies(files: readonly string[], shape: readonly number[], options: LatencyOptions = {}): Promise<number[]> {
  const { runs = 300, warmup = 50 } = options;
  const networks = await Promise.all(files.map(openOnnx));
  const pixels = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i));
  const times: number[][] = files.map(() => []);
  for (let run = 0; run < warmup + runs; run++) {
    for (const [place, network] of networks.entries()) {
      const start = performance.now();
      await network.runFirst(pixels, [1, ...shape]);
      if (run >= warmup) times[place]!.push(performance.now() - start);
    }
  }
  await Promise.all(networks.map((network) => network.close()));
  return times.map(median);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

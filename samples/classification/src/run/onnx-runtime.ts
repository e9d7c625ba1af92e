import * as ort from 'onnxruntime-node';
import { evaluateOutputs, type ClassificationScore, type EvaluationOptions, type ImageDataset } from '@nncf/datasets';
import { unreadableOnnx } from '../errors.ts';

/** A classifier in an ONNX file, running in ONNX Runtime on the CPU; one input `[N, height, width, channels]`. */
export interface OnnxClassifier {
  /** Logits `[batch, classes]`, row by row. */
  run(pixels: Float32Array, shape: readonly number[]): Promise<Float32Array>;
  close(): Promise<void>;
}

/** @throws NncfError `CORRUPT_FILE` when ONNX Runtime refuses the file */
async function openOnnx(file: string): Promise<OnnxClassifier> {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 }).catch((cause: unknown) => {
    throw unreadableOnnx(file, cause);
  });
  const [input = ''] = session.inputNames;
  const [output = ''] = session.outputNames;
  return {
    run: async (pixels, shape) => {
      const results = await session.run({ [input]: new ort.Tensor('float32', pixels, shape) });
      return results[output]!.data as Float32Array;
    },
    close: () => session.release(),
  };
}

/** Scores an ONNX file on a dataset. */
export async function evaluateOnnx(file: string, dataset: ImageDataset, options: EvaluationOptions = {}): Promise<ClassificationScore> {
  const classifier = await openOnnx(file);
  try {
    return await evaluateOutputs(({ pixels, shape }) => classifier.run(pixels, shape), dataset, options);
  } finally {
    await classifier.close();
  }
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
  const classifiers = await Promise.all(files.map(openOnnx));
  const pixels = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i));
  const times: number[][] = files.map(() => []);
  for (let run = 0; run < warmup + runs; run++) {
    for (const [place, classifier] of classifiers.entries()) {
      const start = performance.now();
      await classifier.run(pixels, [1, ...shape]);
      if (run >= warmup) times[place]!.push(performance.now() - start);
    }
  }
  await Promise.all(classifiers.map((classifier) => classifier.close()));
  return times.map(median);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

import { detectionBatches, type DetectionBatch, type DetectionDataset, type Normalization } from '@nncf/datasets';
import { openOnnx } from '@nncf/sample-training';
import type { Detector } from '@nncf/zoo';
import * as ort from 'onnxruntime-node';
import { cocoScore, type CocoScore } from '../metrics/coco.ts';
import type { ScoredPicture } from '../metrics/scored-picture.ts';
import { vocScore, type VocScore } from '../metrics/voc.ts';
import { detect } from '../ssd/detect.ts';
import type { Detections, SelectionOptions } from '../ssd/selection.ts';

/** Scores of a detector on a dataset. */
export interface DetectionScore {
  readonly voc: VocScore;
  /** Mean average precision by the eleven points of 2007. */
  readonly elevenPoints: number;
  readonly coco: CocoScore;
  /** Pictures that could be read. */
  readonly count: number;
}

/** How a detector is evaluated. */
export interface EvaluationOptions {
  /** Height and width of the network's input. */
  readonly size: readonly [height: number, width: number];
  readonly normalization: Normalization;
  /** @default 8 */
  readonly batchSize?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Scores what `find` finds in every picture of a batch: for any runtime. A picture that cannot be read is left out, its objects too. */
async function evaluateDetections(
  find: (batch: DetectionBatch) => Promise<readonly Detections[]>,
  dataset: DetectionDataset,
  options: EvaluationOptions,
): Promise<DetectionScore> {
  const { size, normalization, batchSize = 8, onProgress } = options;
  const pictures: ScoredPicture[] = [];
  for await (const batch of detectionBatches(dataset, { batchSize, size, normalization })) {
    const found = await find(batch);
    batch.objects.forEach(({ index }, place) => pictures.push({ objects: dataset.images[index]!, detections: found[place]! }));
    onProgress?.(pictures.length, dataset.images.length);
  }
  return scoreOf(pictures, dataset.classNames.length);
}

function scoreOf(pictures: readonly ScoredPicture[], classes: number): DetectionScore {
  return {
    voc: vocScore(pictures, classes, 'area'),
    elevenPoints: vocScore(pictures, classes, '11-point').map,
    coco: cocoScore(pictures, classes),
    count: pictures.length,
  };
}

/** Scores a detector in TensorFlow.js. */
export function evaluateDetector(
  detector: Detector,
  dataset: DetectionDataset,
  selection: SelectionOptions,
  options: EvaluationOptions,
): Promise<DetectionScore> {
  return evaluateDetections(({ xs }) => detect(detector, xs, selection), dataset, options);
}

/**
 * Scores an exported file in ONNX Runtime; it gives boxes by itself.
 * @throws NncfError `CORRUPT_FILE` when ONNX Runtime refuses the file
 */
export async function evaluateOnnx(file: string, dataset: DetectionDataset, options: EvaluationOptions): Promise<DetectionScore> {
  const network = await openOnnx(file);
  const find = async ({ xs }: DetectionBatch): Promise<Detections[]> => {
    const pixels = new ort.Tensor('float32', (await xs.data()) as Float32Array, xs.shape);
    return [detectionsOf(await network.run({ [network.inputNames[0]!]: pixels }))];
  };
  try {
    return await evaluateDetections(find, dataset, { ...options, batchSize: 1 });
  } finally {
    await network.close();
  }
}

/** Outputs of an exported file. */
function detectionsOf({ boxes, scores, labels }: Readonly<Record<string, ort.Tensor>>): Detections {
  return {
    boxes: boxes!.data as Float32Array,
    scores: scores!.data as Float32Array,
    labels: Int32Array.from(labels!.data as BigInt64Array, Number),
  };
}

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@nncf/core';
import { agreement, subset, type ImageDataset } from '@nncf/datasets';
import { exportOnnx } from '@nncf/onnx-exporter';
import { latencies, type ReportProgress, type TrainResult } from '@nncf/sample-training';
import { openData } from '../run/data.ts';
import { openModel } from '../run/model.ts';
import type { Settings } from '../settings/settings.ts';
import { fineTune, scoreFile, scoreModel, trainFloat } from './stages.ts';
import type { DemoSummary, DemoTimes } from './summary.ts';

/** What the demo is told. */
export interface DemoOptions {
  /** Floating-point training. */
  readonly float: Settings;
  /** Compression and fine-tuning. */
  readonly int8: Settings;
  /** Pictures of the fine-tuning. @default all */
  readonly fineTuningImages?: number | undefined;
  /** Folder of the files. */
  readonly dir: string;
  /** The backend's name, for the summary. */
  readonly backend: string;
  readonly progress: ReportProgress;
}

/** FP32 training, INT8 fine-tuning, export, and the exported files in ONNX Runtime; writes both files and `summary.json`. */
export async function demo(options: DemoOptions): Promise<{ summary: DemoSummary; times: DemoTimes }> {
  const { float, int8, dir, backend, progress } = options;
  const data = await openData(float);
  const model = await openModel(float, data.train);
  const fp32OnnxFile = join(dir, 'fp32.onnx');
  const onnxFile = join(dir, 'int8.onnx');

  const trained = await trainFloat(model, data, float, progress);
  const fp32 = await scoreModel('FP32 evaluation', model, data.test, progress);
  await exportOnnx(model, fp32OnnxFile);

  const part = { ...data, train: firstImages(data.train, options.fineTuningImages) };
  const { algo, result } = await fineTune(model, part, int8, progress);
  const quantized = await scoreModel('INT8 evaluation', algo.model, data.test, progress);
  await algo.exportModel(onnxFile);
  const onnx = await scoreFile('INT8 in ONNX Runtime', onnxFile, data.test, progress);

  const [fp32Latency = Number.NaN, int8Latency = Number.NaN] = await latencies([fp32OnnxFile, onnxFile], data.test.imageShape);
  const summary: DemoSummary = {
    fp32Accuracy: fp32.top1,
    int8Accuracy: quantized.top1,
    onnxAccuracy: onnx.top1,
    agreement: agreement(quantized.predictions, onnx.predictions),
    fp32Bytes: await size(fp32OnnxFile),
    int8Bytes: await size(onnxFile),
    backend,
    onnxFile,
    fp32OnnxFile,
  };
  await writeFileAtomic(join(dir, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  return { summary, times: { fp32Latency, int8Latency, fp32Speed: speed(trained, float), int8Speed: speed(result, int8) } };
}

function firstImages(dataset: ImageDataset, count = dataset.size): ImageDataset {
  return count >= dataset.size
    ? dataset
    : subset(
        dataset,
        Int32Array.from({ length: count }, (_, index) => index),
      );
}

async function size(file: string): Promise<number> {
  return (await stat(file)).size;
}

function speed({ steps, trainSeconds }: TrainResult, { batchSize }: Settings): number {
  return (steps * batchSize) / trainSeconds;
}

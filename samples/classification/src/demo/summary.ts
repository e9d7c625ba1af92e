import { kilobytes, percent, type Report } from '@nncf/sample-training';

/** What the demo measured; the first nine keys are written to `summary.json` under these names. */
export interface DemoSummary {
  /** Top-1 of the trained network in TensorFlow.js, 0 … 1. */
  readonly fp32Accuracy: number;
  /** Top-1 of the fine-tuned network with its quantizers in TensorFlow.js, 0 … 1. */
  readonly int8Accuracy: number;
  /** Top-1 of the exported INT8 file in ONNX Runtime, 0 … 1. */
  readonly onnxAccuracy: number;
  /** Share of the test pictures that TensorFlow.js and ONNX Runtime give the same class, 0 … 1. */
  readonly agreement: number;
  readonly fp32Bytes: number;
  readonly int8Bytes: number;
  /** The backend of TensorFlow.js that trained. */
  readonly backend: string;
  /** Path of the INT8 file. */
  readonly onnxFile: string;
  /** Path of the FP32 file. */
  readonly fp32OnnxFile: string;
}

/** Figures that depend on the machine and its load: shown, not kept. */
export interface DemoTimes {
  /** Median time of one picture in ONNX Runtime, milliseconds. */
  readonly fp32Latency: number;
  readonly int8Latency: number;
  /** Pictures trained in a second. */
  readonly fp32Speed: number;
  readonly int8Speed: number;
}

/** The table at the end of the demo. */
export function demoReport(summary: DemoSummary, times: DemoTimes): Report {
  const milliseconds = (time: number): string => `${time.toFixed(3)} ms`;
  const perSecond = (speed: number): string => `${Math.round(speed)}/s`;
  return {
    columns: ['FP32', 'INT8'],
    rows: [
      ['accuracy in TensorFlow.js', percent(summary.fp32Accuracy), percent(summary.int8Accuracy)],
      ['accuracy in ONNX Runtime', '', percent(summary.onnxAccuracy)],
      ['same class in both', '', percent(summary.agreement)],
      ['file', kilobytes(summary.fp32Bytes), kilobytes(summary.int8Bytes)],
      ['latency in ONNX Runtime', milliseconds(times.fp32Latency), milliseconds(times.int8Latency)],
      ['pictures in training', perSecond(times.fp32Speed), perSecond(times.int8Speed)],
    ],
  };
}

/** What the demo promises; a line for each promise that was not kept. */
export function brokenPromises(summary: DemoSummary): string[] {
  const { fp32Accuracy, onnxAccuracy, agreement, fp32Bytes, int8Bytes } = summary;
  const checks: readonly (readonly [kept: boolean, line: string])[] = [
    [fp32Accuracy >= 0.985, `FP32 accuracy ${percent(fp32Accuracy)} is below 98.50 %`],
    [onnxAccuracy >= fp32Accuracy - 0.003, `INT8 accuracy in ONNX Runtime ${percent(onnxAccuracy)} is more than 0.3 points below FP32`],
    [agreement >= 0.99, `TensorFlow.js and ONNX Runtime agree on ${percent(agreement)} only`],
    [int8Bytes <= 0.3 * fp32Bytes, `the INT8 file has ${(int8Bytes / fp32Bytes).toFixed(3)} of the FP32 file's size`],
  ];
  return checks.filter(([kept]) => !kept).map(([, line]) => line);
}

import type * as tfl from '@tensorflow/tfjs-layers';
import { readFileBytes, writeFileAtomic, type ModelCompression } from '@nncf/core';
import { exportOnnx } from '@nncf/onnx-exporter';
import type { Detector } from '@nncf/zoo';
import type { SelectionOptions } from '../ssd/selection.ts';
import { appendDetection } from './append-detection.ts';

/** The outputs under names that leave those of the boxes free; suppression is for one picture. */
const OPTIONS = { batchSize: 1, outputNames: ['encodings', 'logits'] };

/**
 * Writes a detector, compressed or not, to a file that gives boxes.
 * @throws NncfError `FILE_UNWRITABLE`, `EXPORT_UNSUPPORTED`
 */
export async function exportDetector(
  detector: Detector,
  algo: ModelCompression<tfl.LayersModel> | undefined,
  file: string,
  selection: SelectionOptions,
): Promise<void> {
  if (algo === undefined) await exportOnnx(detector.model, file, OPTIONS);
  else await algo.exportModel(file, OPTIONS);
  await writeFileAtomic(file, appendDetection(await readFileBytes(file), detector, selection));
}

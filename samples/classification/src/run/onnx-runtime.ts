import { evaluateOutputs, type ClassificationScore, type EvaluationOptions, type ImageDataset } from '@nncf/datasets';
import { openOnnx } from '@nncf/sample-training';

/**
 * Scores an ONNX file on a dataset.
 * @throws NncfError `CORRUPT_FILE` when ONNX Runtime refuses the file
 */
export async function evaluateOnnx(file: string, dataset: ImageDataset, options: EvaluationOptions = {}): Promise<ClassificationScore> {
  const network = await openOnnx(file);
  try {
    return await evaluateOutputs(({ pixels, shape }) => network.runFirst(pixels, shape), dataset, options);
  } finally {
    await network.close();
  }
}

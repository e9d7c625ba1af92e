import { tokenArrays, type EncodedText, type TokenArrays } from '@nncf/datasets';
import { openOnnx } from '@nncf/sample-training';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import * as ort from 'onnxruntime-node';
import type { TextOutputs } from '../problems/problem.ts';

/** Outputs of a network for a batch, each row by row. */
export type Predictor = (batch: TokenArrays) => Promise<readonly Float32Array[]>;

/** How texts are run through a network. */
export interface PredictOptions {
  /** Longest text in word pieces. */
  readonly length: number;
  /** Whether the network takes shorter texts than that. */
  readonly open: boolean;
  /** @default 32 */
  readonly batchSize?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Runs all texts; short ones with short ones, where the network takes them. */
export async function predictAll(
  predict: Predictor,
  texts: readonly EncodedText[],
  options: PredictOptions,
): Promise<readonly TextOutputs[]> {
  const { length, open, batchSize = 32, onProgress } = options;
  const order = open ? ({ padTo: 'longest', shuffle: true, groupByLength: true } as const) : {};
  const results: TextOutputs[] = Array.from({ length: texts.length }, () => []);
  let done = 0;
  for (const batch of tokenArrays(texts, { batchSize, length, ...order })) {
    const outputs = await predict(batch);
    batch.indices.forEach((place, row) => {
      results[place] = outputs.map((output) => rowOf(output, row, batch.indices.length));
    });
    done += batch.indices.length;
    onProgress?.(done, texts.length);
  }
  return results;
}

/** Runs batches in TensorFlow.js. */
export function modelPredictor(model: tfl.LayersModel): Predictor {
  return async ({ ids, mask, types, shape }) => {
    const outputs = tf.tidy(() => {
      const inputs = [ids, mask, types].map((values) => tf.tensor2d(values, [...shape], 'int32'));
      return [model.predict(inputs, { batchSize: shape[0] })].flat();
    });
    const values = await Promise.all(outputs.map((output) => output.data()));
    tf.dispose(outputs);
    return values as Float32Array[];
  };
}

/**
 * Runs batches of a file in ONNX Runtime while `use` needs them.
 * @throws NncfError `CORRUPT_FILE` when ONNX Runtime refuses the file
 */
export async function withOnnx<Result>(file: string, use: (predict: Predictor) => Promise<Result>): Promise<Result> {
  const network = await openOnnx(file);
  try {
    return await use(async ({ ids, mask, types, shape }) => {
      const feed = (values: Int32Array): ort.Tensor => new ort.Tensor('int32', values, [...shape]);
      const results = await network.run({ input_ids: feed(ids), attention_mask: feed(mask), token_type_ids: feed(types) });
      return network.outputNames.map((name) => results[name]!.data as Float32Array);
    });
  } finally {
    await network.close();
  }
}

function rowOf(output: Float32Array, row: number, rows: number): Float32Array {
  const width = output.length / rows;
  return output.slice(row * width, (row + 1) * width);
}

import type { JsonObject } from '@nncf/core';
import { z } from 'zod';
import { badOptions } from './errors.ts';

const schema = z.strictObject({
  format: z.enum(['qdq', 'fakequantize']).optional(),
  opset: z.int().min(17).max(22).default(17),
  inputLayout: z.enum(['NHWC', 'NCHW']).default('NHWC'),
  outputLayout: z.enum(['NHWC', 'NCHW']).default('NHWC'),
  foldBatchNorm: z.boolean().default(true),
  dropUnreadChannels: z.boolean().default(true),
  inputNames: z.array(z.string().min(1)).optional(),
  outputNames: z.array(z.string().min(1)).optional(),
  outputs: z.array(z.int().nonnegative()).min(1).optional(),
  batchSize: z.int().positive().optional(),
  modelName: z.string().min(1).default('model'),
  allowNonFinite: z.boolean().default(false),
  sparseInitializers: z.boolean().default(false),
});

/** What an export can be told. */
export interface OnnxExportOptions {
  /**
   * How quantizers are written: `qdq` for the standard's `QuantizeLinear`/`DequantizeLinear` with integer weights,
   * `fakequantize` for OpenVINO's operation, any number of levels.
   * @default what the algorithm's configuration says, else "qdq"
   */
  readonly format?: 'qdq' | 'fakequantize';
  /** Version of the standard operator set, 17 to 22; 21 brings 4 and 16 bit integers. @default 17 */
  readonly opset?: number;
  /** Layout of inputs of rank 4: TensorFlow's, or the file's own, which then needs no transpose. @default "NHWC" */
  readonly inputLayout?: 'NHWC' | 'NCHW';
  /** Layout of outputs of rank 4. @default "NHWC" */
  readonly outputLayout?: 'NHWC' | 'NCHW';
  /** Whether a batch norm behind a convolution or a dense layer becomes part of its weights, exactly. @default true */
  readonly foldBatchNorm?: boolean;
  /** Whether channels that every reader's weights are zero for leave the file with the filters that make them. @default true */
  readonly dropUnreadChannels?: boolean;
  /** Names of the inputs in order; the model's own by default. */
  readonly inputNames?: readonly string[];
  /** Names of the outputs in order; the layers' by default. */
  readonly outputNames?: readonly string[];
  /** Places of the outputs that the file has, in its order; what only others need is left out, as outputs that training alone looks at. @default all */
  readonly outputs?: readonly number[];
  /** Fixes the size of the batch; left out, the file takes any (dimension `N`). */
  readonly batchSize?: number;
  /** Name of the graph in the file. @default "model" */
  readonly modelName?: string;
  /** Writes weights that are NaN or infinite instead of refusing them. @default false */
  readonly allowNonFinite?: boolean;
  /**
   * Stores weights as their values and positions other than zero where that takes fewer bytes: floating-point weights with more than two thirds of
   * zeros, 8-bit ones with more than eight ninths. ONNX Runtime reads such files;
   * OpenVINO and the strict shape inference of the `onnx` package do not.
   * @default false
   */
  readonly sparseInitializers?: boolean;
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly format: 'qdq' | 'fakequantize' | undefined;
  readonly opset: number;
  readonly inputLayout: 'NHWC' | 'NCHW';
  readonly outputLayout: 'NHWC' | 'NCHW';
  readonly foldBatchNorm: boolean;
  readonly dropUnreadChannels: boolean;
  readonly inputNames: readonly string[] | undefined;
  readonly outputNames: readonly string[] | undefined;
  readonly outputs: readonly number[] | undefined;
  readonly batchSize: number | undefined;
  readonly modelName: string;
  readonly allowNonFinite: boolean;
  readonly sparseInitializers: boolean;
}

/** Checks options and fills in defaults. @throws NncfError `EXPORT_OPTIONS` */
export function resolveOptions(options: OnnxExportOptions | JsonObject): ResolvedOptions {
  const result = schema.safeParse(options);
  if (!result.success) throw badOptions(z.prettifyError(result.error));
  const { format, inputNames, outputNames, outputs, batchSize, ...rest } = result.data;
  return { ...rest, format, inputNames, outputNames, outputs, batchSize };
}

import { traceModel, writeFileAtomic, type InputInfo } from '@nncf/core';
import type { OnnxExportOptions } from './options.ts';
import { serializeOnnx } from './serialize.ts';

/**
 * Writes an uncompressed model to an ONNX file, whole or not at all.
 *
 * @param model a `tf.LayersModel`, or functional code `{ variables, call }`
 * @param inputInfo shapes of the inputs of functional code
 * @throws NncfError `FILE_UNWRITABLE` that names the file; those of {@link serializeOnnx}
 */
export async function exportOnnx(
  model: unknown,
  file: string,
  options: OnnxExportOptions = {},
  inputInfo: readonly InputInfo[] = [],
): Promise<void> {
  await writeFileAtomic(file, onnxBytes(model, options, inputInfo));
}

/** The bytes of {@link exportOnnx}'s file. */
export function onnxBytes(model: unknown, options: OnnxExportOptions = {}, inputInfo: readonly InputInfo[] = []): Uint8Array {
  const { graph, variables } = traceModel(model, inputInfo);
  return serializeOnnx({ graph, variables, plan: { commands: [] }, operators: new Map() }, options);
}

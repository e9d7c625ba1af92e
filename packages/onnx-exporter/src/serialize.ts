import type { ExportSource, JsonObject, ModelExporter } from '@nncf/core';
import { emitModel } from './emit/emit-model.ts';
import { resolveOptions, type OnnxExportOptions } from './options.ts';
import { runPasses } from './passes/passes.ts';
import { encodeModel } from './proto/encode-model.ts';

/**
 * Serializes a model with its compression as an ONNX file.
 *
 * @throws NncfError `EXPORT_UNSUPPORTED` when an operation has no mapping, `EXPORT_NOT_FINITE` when a weight is NaN or
 * infinite, `EXPORT_OPTIONS` when the options are not usable
 */
export function serializeOnnx(source: ExportSource, options: OnnxExportOptions | JsonObject = {}): Uint8Array {
  const resolved = resolveOptions(options);
  const emitted = emitModel(source, resolved);
  return encodeModel(runPasses(emitted, resolved), { sparse: resolved.sparseInitializers });
}

/** The exporter that `exportModel` finds under the format `onnx`. */
export const onnxExporter: ModelExporter = { format: 'onnx', serialize: serializeOnnx };

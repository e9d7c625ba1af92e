import { register, registryToken, type RegistryToken } from '../registry/registry.ts';
import type { ModelExporter } from './exporter.ts';
import type { OnnxOperatorMapping } from './onnx-mapping.ts';

/** Exporters by format. */
export const exporterToken: RegistryToken<ModelExporter> = registryToken('exporter');

/** ONNX mappings by operator kind. */
export const onnxOperatorToken: RegistryToken<OnnxOperatorMapping> = registryToken('ONNX mapping');

/** Registers an exporter under its format. */
export function registerExporter(exporter: ModelExporter): void {
  register(exporterToken, exporter.format, exporter);
}

/** Registers how an operator looks in ONNX. */
export function registerOnnxOperator(mapping: OnnxOperatorMapping): void {
  register(onnxOperatorToken, mapping.kind, mapping);
}

import type { PlanCommand } from '@nncf/core';
import type { QuantizationConfig } from '../config.ts';
import { ALGORITHM_NAME } from '../placement/commands.ts';
import { specFromJson } from '../scheme.ts';
import { AsymmetricQuantizer } from './asymmetric-quantizer.ts';
import type { FakeQuantizer, FakeQuantizerOptions } from './fake-quantizer.ts';
import { SymmetricQuantizer } from './symmetric-quantizer.ts';

/** The quantizer that a plan command describes, without a range yet. */
export function createQuantizer(command: PlanCommand, config: QuantizationConfig): FakeQuantizer {
  const spec = specFromJson(command.spec);
  const name = command.operator.slice(ALGORITHM_NAME.length + 1);
  const standard = config.export_to_onnx_standard_ops;
  const options: FakeQuantizerOptions = {
    name,
    spec,
    isWeight: command.target === 'weight',
    gradientFactor: config.compression_lr_multiplier,
    exportFormat: standard === undefined ? undefined : standard ? 'qdq' : 'fakequantize',
  };
  return spec.mode === 'symmetric' ? new SymmetricQuantizer(options) : new AsymmetricQuantizer(options);
}

import type { Scoping } from '@nncf/core';
import type { StagedTrainingParams } from '@nncf/schedulers';

/** How weights are binarized: `xnor` with a scale for each output filter, `dorefa` with one for the whole tensor. */
export type BinarizationMode = 'xnor' | 'dorefa';

/** The section `{ "algorithm": "binarization" }`. Keys are those of NNCF's configuration files, and `preset`. */
export interface BinarizationConfig extends Scoping {
  /** @default 'xnor' */
  readonly mode?: BinarizationMode | undefined;
  /**
   * `paper` leaves out what the paper advises to: the first convolution, the dense layer, the convolution right before it and the convolutions on
   * residual shortcuts. @default every 2-D convolution is binarized
   */
  readonly preset?: 'paper' | undefined;
  /** When the four stages begin (both parts at epoch 0 unless said), and what the optimizer does in them. */
  readonly params?: StagedTrainingParams | undefined;
  /** `false`: `FakeQuantize` with two levels unless the export says otherwise. @default true */
  readonly export_to_onnx_standard_ops?: boolean | undefined;
}

declare module '@nncf/core' {
  interface AlgorithmConfigs {
    binarization: BinarizationConfig;
  }
}

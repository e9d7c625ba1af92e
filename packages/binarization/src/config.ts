/** How weights are binarized: `xnor` with a scale for each output filter, `dorefa` with one for the whole tensor. */
export type BinarizationMode = 'xnor' | 'dorefa';

/** One address, or several: exact (`encoder/conv1`, a scope with all below it) or a regular expression (`{re}conv.*`). */
export type Scopes = string | readonly string[];

/** `params` of the section: when the four stages begin, and what the optimizer does in them. Epochs count from 0. */
export interface BinarizationParams {
  /** First epoch in which activations are binary. @default 0 */
  readonly activations_quant_start_epoch?: number | undefined;
  /** First epoch in which weights are binary. @default 0 */
  readonly weights_quant_start_epoch?: number | undefined;
  /** First epoch in which the learning rate falls. @default never */
  readonly lr_poly_drop_start_epoch?: number | undefined;
  /** Epochs in which it falls to zero. @default 30 */
  readonly lr_poly_drop_duration_epochs?: number | undefined;
  /** First epoch without weight decay. @default lr_poly_drop_start_epoch */
  readonly disable_wd_start_epoch?: number | undefined;
  /** Learning rate before it falls. @default 1e-3, where any of these four is given */
  readonly base_lr?: number | undefined;
  /** Weight decay before it ends. @default 1e-5, where any of these four is given */
  readonly base_wd?: number | undefined;
  /** Only 1 is possible: gradients are not summed over batches. */
  readonly batch_multiplier?: number | undefined;
}

/** The section `{ "algorithm": "binarization" }`. Keys are those of NNCF's configuration files, and `preset`. */
export interface BinarizationConfig {
  /** @default 'xnor' */
  readonly mode?: BinarizationMode | undefined;
  /**
   * `paper` leaves out what the paper advises to: the first convolution, the dense layer, the convolution right before it and the convolutions on
   * residual shortcuts. @default every 2-D convolution is binarized
   */
  readonly preset?: 'paper' | undefined;
  /** Layers to leave alone. @default none */
  readonly ignored_scopes?: Scopes | undefined;
  /** The only layers to change. @default all */
  readonly target_scopes?: Scopes | undefined;
  readonly params?: BinarizationParams | undefined;
  /** `false`: `FakeQuantize` with two levels unless the export says otherwise. @default true */
  readonly export_to_onnx_standard_ops?: boolean | undefined;
}

declare module '@nncf/core' {
  interface AlgorithmConfigs {
    binarization: BinarizationConfig;
  }
}

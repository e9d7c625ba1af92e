/** A layer whose bias was asked to make up for rounding. */
export interface BiasCorrectionRow {
  /** Address of the convolution or product. */
  readonly layer: string;
  /** Where the shift went; undefined where it could go nowhere. */
  readonly into?: 'bias' | 'batch normalization';
  /** Largest shift of a channel's mean, in units of the layer's result. */
  readonly largestShift?: number;
  /** Why nothing was moved. */
  readonly reason?: string;
}

/** A layer whose channels were asked to share their spread with the weights behind them. */
export interface SmoothQuantRow {
  /** Address of the layer whose result was divided. */
  readonly layer: string;
  /** Addresses of the layers whose weights were multiplied. */
  readonly consumers?: readonly string[];
  /** Why nothing was scaled. */
  readonly reason?: string;
}

/** What post-training quantization did to a model. */
export interface PostTrainingReport {
  /** One row for every layer with quantized weights; empty without bias correction. */
  readonly biasCorrection: readonly BiasCorrectionRow[];
  /** One row for every layer with quantized weights; empty without SmoothQuant. */
  readonly smoothQuant: readonly SmoothQuantRow[];
  /** Addresses of the layers whose channels were made equally loud for the depthwise convolutions behind them. */
  readonly stretched: readonly string[];
}

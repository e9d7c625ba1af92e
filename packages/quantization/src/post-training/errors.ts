import { NncfError } from '@nncf/core';

const SOURCE = 'quantization';

/** The number of calibration samples is no whole number above zero. */
export function subsetInvalid(subsetSize: number): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'SUBSET_INVALID',
    message: `subsetSize must be a whole number of samples above 0, found ${subsetSize}.`,
    hint: 'Ranges need data; 300 samples are usual.',
  });
}

/** A compression that was not made by this copy of the package. */
export function otherCopy(): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'ALGORITHM_UNKNOWN',
    message: 'The algorithm "quantization" that is registered is not the one of this copy of @nncf/quantization.',
    hint: 'Two versions of the package may be installed; `npm ls @nncf/quantization` shows them.',
  });
}

/** α of SmoothQuant outside its range. */
export function alphaInvalid(alpha: number): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'SMOOTH_QUANT_INVALID',
    message: `smoothQuant must be true, false or a number from 0 to 1, found ${alpha}.`,
    hint: '0.5 shares the difficulty evenly between weights and activations.',
  });
}

/** A metric that cannot be compared. */
export function metricInvalid(metric: unknown, when: string): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'METRIC_INVALID',
    message: `The validation function returned ${String(metric)} for the ${when} model; a finite number is needed, the larger the better.`,
    hint: 'Return an accuracy, or the negative of an error.',
  });
}

/** A tolerance that no metric can be compared with. */
export function maxDropInvalid(maxDrop: number): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'MAX_DROP_INVALID',
    message: `maxDrop must be a number of 0 or more, found ${maxDrop}.`,
    hint: 'It is in units of the metric, or a share of it with dropType: "relative".',
  });
}

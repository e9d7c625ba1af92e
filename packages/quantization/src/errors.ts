import { NncfError } from '@nncf/core';

const SOURCE = 'quantization';

/** The bit width is no whole number from 2 to 16. */
export function bitsOutOfRange(bits: number): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'BITS_OUT_OF_RANGE',
    message: `The bit width must be a whole number from 2 to 16, found ${bits}.`,
    hint: 'Half-range quantizers keep one bit in reserve and need 3 bits or more.',
  });
}

/** A level range holds less than two levels or no level above zero, so it has no scale. */
export function levelsInvalid(levelLow: number, levelHigh: number): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'LEVELS_INVALID',
    message: `The integer range [${levelLow}, ${levelHigh}] is no range to quantize into.`,
    hint: 'It must contain zero and at least one level above it.',
  });
}

/** A quantizer parameter does not broadcast against the tensor it quantizes. */
export function parameterShapeMismatch(parameter: string, parameterShape: readonly number[], shape: readonly number[]): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'SHAPE_MISMATCH',
    message: `The quantizer parameter "${parameter}" of shape [${parameterShape.join(', ')}] does not broadcast against a tensor of shape [${shape.join(', ')}].`,
    hint: 'Every axis of the parameter must be 1 or the size of the tensor, counted from the last axis.',
  });
}

/** A range was asked of an estimator that has seen no value. */
export function rangeWithoutData(quantizer: string): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'RANGE_NO_DATA',
    message: `No values were collected for ${quantizer}, so its range is unknown.`,
    hint: 'Give the initialization at least one batch that reaches this quantizer.',
  });
}

/** NaN or an infinity was among the collected values. */
export function rangeNotFinite(quantizer: string, value: number): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'RANGE_NOT_FINITE',
    message: `The values collected for ${quantizer} contain ${value}, so they have no range.`,
    hint: 'Look for NaN in the weights, in the calibration data and in the layers before this quantizer.',
  });
}

/** The options of a range estimator contradict themselves or the tensors it is given. */
export function rangeOptionsInvalid(quantizer: string, reason: string): NncfError {
  return new NncfError({ source: SOURCE, code: 'RANGE_OPTIONS_INVALID', message: `The range estimator of ${quantizer}: ${reason}` });
}

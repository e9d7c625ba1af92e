import { NncfError } from '@nncf/core';

const source = 'binarization';

/** A scale or threshold that does not fit the tensor. */
export function shapeMismatch(what: string, found: readonly number[], shape: readonly number[]): NncfError {
  return new NncfError({
    code: 'SHAPE_MISMATCH',
    source,
    message: `The ${what} of shape [${found.join(', ')}] does not fit a tensor of shape [${shape.join(', ')}].`,
    hint: 'The scale is one number; the threshold is one number, or one for each channel, and broadcasts against the tensor.',
  });
}

/** A layer that `target_scopes` names and that cannot be binarized. */
export function layerUnsupported(pointer: string, pattern: string, node: string, reason: string): NncfError {
  return new NncfError({
    code: 'BINARIZATION_UNSUPPORTED',
    source,
    message: `The scope "${pattern}" at ${pointer} names ${node}, which cannot be binarized: ${reason}.`,
    hint: 'Binarization is for 2-D convolutions. Take the scope out, and leave this layer to quantization.',
  });
}

/** A key that is known and cannot act here. */
export function configUnsupported(pointer: string, what: string, hint: string): NncfError {
  return new NncfError({ code: 'CONFIG_UNSUPPORTED', source, message: `${pointer}: ${what}`, hint });
}

/** Activations that are no numbers give no scale. */
export function scaleNotFinite(operator: string, found: number): NncfError {
  return new NncfError({
    code: 'SCALE_NOT_FINITE',
    source,
    message: `The activations that ${operator} binarizes hold ${found}, so they have no scale.`,
    hint: 'The training before has diverged, or the weights were read wrongly.',
  });
}

/** A checkpoint of another model or configuration. */
export function stateMismatch(message: string): NncfError {
  return new NncfError({
    code: 'STATE_MISMATCH',
    source,
    message,
    hint: 'Build the model with the configuration that the checkpoint was made with. Nothing was changed.',
  });
}

/** An operator that was made by another copy of this package. */
export function foreignOperator(kind: string): NncfError {
  return new NncfError({
    code: 'EXPORT_UNSUPPORTED',
    source,
    message: `An operator of the kind "${kind}" was not made by this copy of @nncf/binarization.`,
    hint: 'Two versions of the package may be installed; `npm ls @nncf/binarization` shows them.',
  });
}

/** An export format that nobody knows. */
export function unknownFormat(format: string): NncfError {
  return new NncfError({
    code: 'EXPORT_FORMAT_UNKNOWN',
    source,
    message: `The export format "${format}" is not known.`,
    hint: 'Allowed: qdq, fakequantize.',
  });
}

import { NncfError } from '@nncf/core';

const hint = 'Resume with the configuration and the model that the checkpoint was made with. Nothing was changed.';

/** A checkpoint without a mask, or with one of another shape. */
export function maskMismatch(name: string, found: readonly number[] | undefined, wanted: readonly number[]): NncfError {
  const message =
    found === undefined
      ? `The checkpoint has no "${name}".`
      : `The checkpoint's "${name}" has shape [${found.join(', ')}], the weight [${wanted.join(', ')}].`;
  return new NncfError({ code: 'STATE_MISMATCH', source: 'sparsity', message, hint });
}

/** A checkpoint whose figures are not those of a sparsity method. */
export function stateInvalid(key: string): NncfError {
  return new NncfError({ code: 'STATE_MISMATCH', source: 'sparsity', message: `The checkpoint has no usable "${key}".`, hint });
}

import { NncfError } from '@nncf/core';

const source = 'rb-sparsity';

/** A level that is no share. */
export function levelInvalid(level: number): NncfError {
  return new NncfError({ code: 'SPARSITY_LEVEL_INVALID', source, message: `The sparsity level is ${level}; it must be between 0 and 1.` });
}

/** Logits that belong to another weight. */
export function shapeMismatch(weight: readonly number[], logits: readonly number[]): NncfError {
  return new NncfError({
    code: 'SHAPE_MISMATCH',
    source,
    message: `Logits of shape [${logits.join(', ')}] cannot gate a weight of shape [${weight.join(', ')}].`,
  });
}

/** A loss over nothing, or levels that do not match their layers. */
export function layersInvalid(message: string): NncfError {
  return new NncfError({ code: 'LAYERS_INVALID', source, message });
}

import { NncfError } from '@nncf/core';

const source = 'magnitude-sparsity';

/** A level that is no share. */
export function levelInvalid(level: number): NncfError {
  return new NncfError({ code: 'SPARSITY_LEVEL_INVALID', source, message: `The sparsity level is ${level}; it must be between 0 and 1.` });
}

/** A weight that is infinite or not a number has no rank. */
export function weightsNotFinite(): NncfError {
  return new NncfError({
    code: 'WEIGHTS_NOT_FINITE',
    source,
    message: 'A weight is infinite or not a number, so no threshold can be chosen.',
    hint: 'The training has diverged: lower the learning rate, or go back to the last good checkpoint.',
  });
}

/** An N:M pattern that cannot be. */
export function patternInvalid(n: number, m: number): NncfError {
  return new NncfError({
    code: 'PATTERN_INVALID',
    source,
    message: `${n}:${m} is no pattern of n weights kept out of m; whole numbers with 0 < n ≤ m are.`,
  });
}

/** An axis that the weight does not have. */
export function axisInvalid(axis: number, rank: number): NncfError {
  return new NncfError({ code: 'AXIS_INVALID', source, message: `A weight of rank ${rank} has no axis ${axis}.` });
}

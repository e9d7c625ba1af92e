import { NncfError } from '@nncf/core';

/** A checkpoint whose pruned filters are not in this model. */
export function stateMismatch(what: string): NncfError {
  return new NncfError({
    code: 'STATE_MISMATCH',
    source: 'filter-pruning',
    message: `The checkpoint ${what}.`,
    hint: 'Resume with the configuration and the model that the checkpoint was made with. Nothing was changed.',
  });
}

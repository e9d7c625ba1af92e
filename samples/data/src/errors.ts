import { NncfError } from '@nncf/core';

const SOURCE = 'datasets';

/** A file whose content contradicts its format: code `CORRUPT_FILE`. */
export function corruptFile(file: string, reason: string, cause?: unknown): NncfError {
  return new NncfError({
    code: 'CORRUPT_FILE',
    source: SOURCE,
    message: `${file}: ${reason}`,
    hint: 'Fetch or copy the file again.',
    cause,
  });
}

/** Data that is not on this machine: code `DATASET_MISSING`; `hint` says how to get it. */
export function datasetMissing(what: string, hint: string, cause?: unknown): NncfError {
  return new NncfError({
    code: 'DATASET_MISSING',
    source: SOURCE,
    message: `${what} is not there`,
    hint,
    cause,
  });
}

/** A download that failed: code `DOWNLOAD_FAILED`. */
export function downloadFailed(what: string, reason: string, cause?: unknown): NncfError {
  return new NncfError({
    code: 'DOWNLOAD_FAILED',
    source: SOURCE,
    message: `could not download ${what}: ${reason}`,
    hint: 'Check that `npm view` reaches the registry and that the disk has room, then run the command again.',
    cause,
  });
}

/** An argument outside its range: code `INVALID_ARGUMENT`. */
export function invalidArgument(message: string): NncfError {
  return new NncfError({ code: 'INVALID_ARGUMENT', source: SOURCE, message });
}

/** A network that answered NaN or infinity: code `NON_FINITE`. */
export function nonFiniteOutput(index: number): NncfError {
  return new NncfError({
    code: 'NON_FINITE',
    source: SOURCE,
    message: `the network's output for image ${index} is not finite`,
    hint: 'Training has probably diverged: lower the learning rate, or look for NaN in the weights.',
  });
}

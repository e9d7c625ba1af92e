import { NncfError } from '@nncf/core';

const SOURCE = 'text';

/** A download that failed: code `DOWNLOAD_FAILED`. */
export function downloadFailed(what: string, reason: string, cause?: unknown): NncfError {
  return new NncfError({
    code: 'DOWNLOAD_FAILED',
    source: SOURCE,
    message: `could not download ${what}: ${reason}`,
    hint: 'It needs Python 3 with pip, and the Python package index (pip config list, PIP_INDEX_URL). Then run the command again.',
    cause,
  });
}

/** A file that is not what it should be: code `CORRUPT_FILE`. */
export function corruptFile(file: string, reason: string, cause?: unknown): NncfError {
  return new NncfError({ code: 'CORRUPT_FILE', source: SOURCE, message: `${file}: ${reason}`, hint: 'Fetch it again.', cause });
}

/** Published weights that are not in the cache: code `WEIGHTS_MISSING`. */
export function weightsMissing(name: string, file: string): NncfError {
  return new NncfError({
    code: 'WEIGHTS_MISSING',
    source: SOURCE,
    message: `the weights ${name} are not in the cache (${file})`,
    hint: `Fetch them: text data fetch ${name}`,
  });
}

/** What a {@link LibtensorflowError} is made of. */
export interface LibtensorflowErrorDetails {
  /** Stable identifier in capitals, to be tested by programs. */
  readonly code: LibtensorflowErrorCode;
  /** What is wrong, in a sentence. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
  /** The error underneath. */
  readonly cause?: unknown;
}

/** Everything that can go wrong, by name. */
export type LibtensorflowErrorCode =
  | 'TFJS_NODE_MISSING'
  | 'PLATFORM_UNSUPPORTED'
  | 'PYTHON_MISSING'
  | 'PIP_MISSING'
  | 'COMPILER_MISSING'
  | 'DISK_FULL'
  | 'DOWNLOAD_FAILED'
  | 'CHECKSUM_MISMATCH'
  | 'WHEEL_INVALID'
  | 'COMPILE_FAILED'
  | 'LOAD_FAILED'
  | 'LOCK_TIMEOUT';

/** What runs when the native library does not. */
const INSTEAD = 'Until then the WebAssembly backend (@tensorflow/tfjs-backend-wasm) is used: it computes the same, more slowly.';

/** The one error class of this package, of the shape of `NncfError`. */
export class LibtensorflowError extends Error {
  readonly code: LibtensorflowErrorCode;
  readonly hint: string | undefined;

  constructor(details: LibtensorflowErrorDetails) {
    const hint = details.hint === undefined ? '' : `\n  ${details.hint}`;
    super(`[nncf] [libtensorflow] ${details.message}${hint}\n  ${INSTEAD}`, details.cause === undefined ? {} : { cause: details.cause });
    this.name = 'LibtensorflowError';
    this.code = details.code;
    this.hint = details.hint;
  }
}

/** The tail of a command's output, for an error message. */
export function lastLines(output: string, count = 8): string {
  return output.trim().split('\n').slice(-count).join('\n  ');
}

/** The disk ran full, or has too little room to start. */
export function diskFull(folder: string, needed: string, cause?: unknown): LibtensorflowError {
  return new LibtensorflowError({
    code: 'DISK_FULL',
    message: `There is not enough room on the disk of ${folder}: about ${needed} are needed.`,
    hint: 'Free some space, or point NNCF_CACHE at a folder on another disk.',
    cause,
  });
}

/** Turns "no space left" from the file system into {@link diskFull}; anything else stays. */
export function explainDisk(error: unknown, folder: string): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT' ? diskFull(folder, '1.2 GB', error) : error;
}

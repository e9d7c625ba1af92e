/** What an {@link NncfError} is made of. */
export interface NncfErrorDetails {
  /** Stable identifier in capitals, to be tested by programs: `CONFIG_INVALID`, `SCOPE_UNMATCHED`, … */
  readonly code: string;
  /** One sentence that says what is wrong and where: a JSON pointer, a scope, a file. */
  readonly message: string;
  /** What the reader can do about it. */
  readonly hint?: string | undefined;
  /** Package that speaks, shown as `[nncf] [quantization]`. */
  readonly source?: string | undefined;
  /** The error underneath. */
  readonly cause?: unknown;
}

/** The one error class of every package. */
export class NncfError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(details: NncfErrorDetails) {
    const source = details.source === undefined ? '' : ` [${details.source}]`;
    const hint = details.hint === undefined ? '' : `\n  ${details.hint}`;
    super(`[nncf]${source} ${details.message}${hint}`, details.cause === undefined ? {} : { cause: details.cause });
    this.name = 'NncfError';
    this.code = details.code;
    this.hint = details.hint;
  }
}

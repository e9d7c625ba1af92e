import { NncfError } from '@nncf/core';

const SOURCE = 'samples';

/** A setting that is missing or out of range: code `CONFIG_INVALID`. */
export function badSetting(message: string, hint: string): NncfError {
  return new NncfError({ code: 'CONFIG_INVALID', source: SOURCE, message, hint });
}

/** A file or folder that cannot be written: code `FILE_UNWRITABLE`. */
export function unwritable(file: string, cause: unknown): NncfError {
  return new NncfError({
    code: 'FILE_UNWRITABLE',
    source: SOURCE,
    message: `${file} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: 'Give a folder that can be written with --log-dir.',
    cause,
  });
}

/** A loss that is no number any more: code `NON_FINITE`. */
export function diverged(loss: number, epoch: number, step: number): NncfError {
  return new NncfError({
    code: 'NON_FINITE',
    source: SOURCE,
    message: `the loss is ${loss} in epoch ${epoch}, step ${step}`,
    hint: 'Lower the learning rate or lengthen the warm-up; --resume goes on from the epoch before.',
  });
}

/** A checkpoint of another model: code `STATE_MISMATCH`. */
export function otherModel(file: string, weight: string): NncfError {
  return new NncfError({
    code: 'STATE_MISMATCH',
    source: SOURCE,
    message: `${file} has no weight ${weight} of the model's shape`,
    hint: 'Resume with the model, width and compression that the run was started with. Nothing was changed.',
  });
}

/** An ONNX file that the runtime refuses: code `CORRUPT_FILE`. */
export function unreadableOnnx(file: string, cause: unknown): NncfError {
  return new NncfError({
    code: 'CORRUPT_FILE',
    source: SOURCE,
    message: `${file} cannot be loaded by ONNX Runtime: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: 'Export it again.',
    cause,
  });
}

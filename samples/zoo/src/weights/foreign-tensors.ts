import { extname } from 'node:path';
import { NncfError, readFileBytes, readSafetensors } from '@nncf/core';
import { kerasArchiveTensors, kerasTensors } from './keras-file.ts';

/** A tensor of somebody else's file. */
export interface ForeignTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Tensors by the file's names. */
export type ForeignTensors = ReadonlyMap<string, ForeignTensor>;

/**
 * Reads all floating-point tensors of a file: `.safetensors` by their names there, `.h5` and `.keras` of Keras 2 and 3 as `<layer>/<variable>` (`conv1/kernel`). Numbers of other types
 * (counters) are left out.
 * @throws NncfError `FILE_UNREADABLE`, `CORRUPT_FILE` for a file that is not what its name says, `INVALID_ARGUMENT` for another extension
 */
export async function readForeignTensors(file: string): Promise<ForeignTensors> {
  const read = READERS[extname(file)];
  if (read === undefined) throw unknownFormat(file);
  const bytes = await readFileBytes(file);
  try {
    return await read(bytes);
  } catch (cause) {
    throw corrupt(file, cause);
  }
}

const READERS: Readonly<Record<string, (bytes: Uint8Array) => Promise<ForeignTensors> | ForeignTensors>> = {
  '.safetensors': safetensors,
  '.h5': kerasTensors,
  '.keras': kerasArchiveTensors,
};

function safetensors(bytes: Uint8Array): ForeignTensors {
  const { tensors } = readSafetensors(bytes);
  return new Map(
    [...tensors].flatMap(([name, { shape, data }]) => (data instanceof Float32Array ? [[name, { shape, data }] as const] : [])),
  );
}

function unknownFormat(file: string): NncfError {
  return new NncfError({
    code: 'INVALID_ARGUMENT',
    source: 'zoo',
    message: `${file} has none of the extensions ${Object.keys(READERS).join(', ')}`,
    hint: 'Convert a .pth or .bin file with the Python package safetensors: save_file(model.state_dict(), "weights.safetensors").',
  });
}

function corrupt(file: string, cause: unknown): NncfError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NncfError({
    code: 'CORRUPT_FILE',
    source: 'zoo',
    message: `${file}: ${reason}`,
    hint: 'Fetch or copy the file again.',
    cause,
  });
}

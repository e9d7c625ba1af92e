import { corruptFile } from './errors.ts';

/** Content of an IDX file of unsigned bytes. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;

/**
 * Reads an IDX file of unsigned bytes with the given number of dimensions: two zero bytes, the element type, the number
 * of dimensions, each dimension as a big-endian 32-bit integer, the elements (LeCun, the MNIST database).
 * @param file name for error messages
 * @throws NncfError `CORRUPT_FILE` for another magic number or a length that contradicts the dimensions.
 */
export function readIdx(bytes: Uint8Array, dimensions: number, file: string): IdxArray {
  const header = 4 + 4 * dimensions;
  if (bytes.length < header) throw corruptFile(file, `${bytes.length} bytes are too few for an IDX header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  const expected = (UNSIGNED_BYTE << 8) | dimensions;
  if (magic !== expected) throw corruptFile(file, `magic number is ${hex(magic)}, expected ${hex(expected)}`);
  const shape = Array.from({ length: dimensions }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, length) => product * length, 1);
  if (bytes.length !== header + size) {
    throw corruptFile(file, `${bytes.length} bytes, but the header [${shape.join(', ')}] asks for ${header + size}`);
  }
  return { shape, data: bytes.subarray(header) };
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

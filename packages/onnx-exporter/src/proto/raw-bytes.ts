import type { OnnxDataType, TypedArray } from '@nncf/core';

type Packer = (data: TypedArray) => ArrayBufferView;

const PACKERS: Readonly<Record<OnnxDataType, Packer>> = {
  FLOAT: (data) => (data instanceof Float32Array ? data : Float32Array.from(data)),
  FLOAT16: (data) => Uint16Array.from(data, halfBits),
  INT8: (data) => Int8Array.from(data),
  UINT8: (data) => Uint8Array.from(data),
  BOOL: (data) => Uint8Array.from(data),
  INT16: (data) => Int16Array.from(data),
  UINT16: (data) => Uint16Array.from(data),
  INT32: (data) => Int32Array.from(data),
  INT64: (data) => BigInt64Array.from(data, BigInt),
  INT4: packNibbles,
  UINT4: packNibbles,
};

/** Contents of a tensor as the standard's `raw_data`: little-endian, row-major. */
export function rawBytes(data: TypedArray, type: OnnxDataType): Uint8Array {
  const packed = PACKERS[type](data);
  return new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
}

/** Two elements a byte, the first in the lower half. */
function packNibbles(data: TypedArray): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(data.length / 2));
  data.forEach((value: number, i: number) => {
    const nibble = (value & 0xf) << (4 * (i % 2));
    bytes[i >> 1] = (bytes[i >> 1] ?? 0) | nibble;
  });
  return bytes;
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** IEEE half precision of a number, rounded to nearest even. */
function halfBits(value: number): number {
  float[0] = value;
  const word = bits[0] ?? 0;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x38800000) return sign | roundEven(Math.abs(value) * 2 ** 24);
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

function roundEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return Math.round(value);
  return low + (low % 2);
}

/**
 * Half precision (IEEE 754 binary16) to and from float32, for the tensors of a safetensors file.
 */

const WIDENED: Float32Array = Float32Array.from({ length: 1 << 16 }, (_, bits) => widen(bits));

/** Widens half-precision bit patterns; every half-precision number is exact in float32. */
export function widenFloat16(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, (pattern) => WIDENED[pattern]!);
}

/** Rounds float32 numbers to half precision, half to even; from 65520 on they become infinite. */
export function narrowToFloat16(values: Float32Array): Uint16Array {
  const exponents = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(values, (value, index) => narrow(value, ((exponents[index]! >>> 23) & 0xff) - 127));
}

function widen(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** `exponent` is the value's own binary exponent; a carry out of the mantissa runs into the exponent's bits as it should. */
function narrow(value: number, exponent: number): number {
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (exponent < -14) return sign | roundHalfEven(magnitude * 2 ** 24);
  return sign | (((exponent + 15) << 10) + roundHalfEven(magnitude * 2 ** (10 - exponent)) - 1024);
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

import { NncfError } from '../errors.ts';
import { narrowToFloat16, widenFloat16 } from './float16.ts';

/** Element types that are read and written here. */
export type SafetensorsDtype = 'F32' | 'F16' | 'I64' | 'I32' | 'I8' | 'U8' | 'BOOL';

/** Elements of a tensor. */
export type SafetensorsData = Float32Array | Int32Array | Int8Array | Uint8Array | BigInt64Array;

/** One tensor, row-major. F16 is held widened, as Float32Array; BOOL as Uint8Array of 0 and 1; I64 as BigInt64Array. */
export interface SafetensorsTensor {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly data: SafetensorsData;
}

/** Content of a safetensors file. */
export interface SafetensorsFile {
  /** Tensors by name, in the order of their bytes. */
  readonly tensors: Map<string, SafetensorsTensor>;
  readonly metadata: Record<string, string>;
}

interface Codec {
  /** Bytes of one element. */
  readonly size: number;
  /** Name of the typed array that holds the elements. */
  readonly array: string;
  decode(buffer: ArrayBuffer): SafetensorsData;
  encode(data: SafetensorsData): ArrayBufferView;
}

interface Entry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

const METADATA = '__metadata__';
/** The format's own limit for the header, in bytes. */
const HEADER_LIMIT = 100_000_000;
const LITTLE_ENDIAN: boolean = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

const asIs = (data: SafetensorsData): ArrayBufferView => data;

/** Widest elements first: in this order every tensor of a written file is aligned. */
const CODECS: Readonly<Record<SafetensorsDtype, Codec>> = {
  I64: {
    size: 8,
    array: 'BigInt64Array',
    decode: (buffer) => new BigInt64Array(buffer),
    encode: asIs,
  },
  F32: {
    size: 4,
    array: 'Float32Array',
    decode: (buffer) => new Float32Array(buffer),
    encode: asIs,
  },
  I32: { size: 4, array: 'Int32Array', decode: (buffer) => new Int32Array(buffer), encode: asIs },
  F16: {
    size: 2,
    array: 'Float32Array',
    decode: (buffer) => widenFloat16(new Uint16Array(buffer)),
    encode: (data) => narrowToFloat16(data as Float32Array),
  },
  I8: { size: 1, array: 'Int8Array', decode: (buffer) => new Int8Array(buffer), encode: asIs },
  U8: { size: 1, array: 'Uint8Array', decode: (buffer) => new Uint8Array(buffer), encode: asIs },
  BOOL: { size: 1, array: 'Uint8Array', decode: (buffer) => new Uint8Array(buffer), encode: asIs },
};
const DTYPES = Object.keys(CODECS);

/**
 * Reads a safetensors file: the header's length (64 bits, little-endian), a JSON header, the tensors' bytes.
 *
 * Format: https://huggingface.co/docs/safetensors, whose checks are made here: the tensors cover the bytes without gap or overlap.
 * @throws NncfError `CORRUPT_FILE` when header, offsets or element types are not as they must be.
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsFile {
  const [header, start] = readHeader(bytes);
  const metadata = readMetadata(header[METADATA]);
  const entries = Object.entries(header)
    .filter(([name]) => name !== METADATA)
    .map(([name, entry]) => readEntry(name, entry))
    .sort((first, second) => first.begin - second.begin || first.end - second.end);
  checkCoverage(entries, bytes.length - start);
  const tensors = new Map(entries.map((entry) => [entry.name, decodeTensor(entry, bytes.subarray(start))]));
  return { tensors, metadata };
}

/**
 * Writes a safetensors file. F16 takes a Float32Array and rounds it half to even.
 * @throws NncfError `INVALID_ARGUMENT` when a tensor's data fit neither its shape nor its element type.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, SafetensorsTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const ordered = [...tensors].sort(([nameA, a], [nameB, b]) => compareTensors(nameA, a, nameB, b));
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [[METADATA, metadata]] : [];
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const [name, tensor] of ordered) {
    checkTensor(name, tensor);
    const part = encodeTensor(tensor);
    header.push([name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [end, (end += part.length)] }]);
    parts.push(part);
  }
  return assemble(Object.fromEntries(header), parts, end);
}

function readHeader(bytes: Uint8Array): [header: Record<string, unknown>, start: number] {
  if (bytes.length < 8) throw corrupt(`${bytes.length} bytes are too few for a safetensors file`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > HEADER_LIMIT) throw corrupt(`the header claims ${length} bytes, more than the format allows`);
  if (8 + length > bytes.length) throw corrupt(`the header claims ${length} bytes, but only ${bytes.length - 8} follow`);
  const header = parseJson(bytes.subarray(8, 8 + length));
  if (!isRecord(header)) throw corrupt('the header is not a JSON object');
  return [header, 8 + length];
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw corrupt('the header is not JSON', cause);
  }
}

function readMetadata(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value)) throw corrupt(`${METADATA} is not an object`);
  const wrong = Object.entries(value).find(([, text]) => typeof text !== 'string');
  if (wrong !== undefined) throw corrupt(`${METADATA}.${wrong[0]} is not a string`);
  return value as Record<string, string>;
}

function readEntry(name: string, value: unknown): Entry {
  if (!isRecord(value)) throw corrupt(`tensor ${name}: its entry is not an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) throw corrupt(`tensor ${name}: element type ${String(dtype)} is not one of ${DTYPES.join(', ')}`);
  if (!isCounts(shape)) throw corrupt(`tensor ${name}: the shape is not a list of counts`);
  if (!isCounts(offsets) || offsets.length !== 2) throw corrupt(`tensor ${name}: data_offsets are not two counts`);
  const [begin, end] = offsets as [number, number];
  const expected = elementCount(shape) * CODECS[dtype].size;
  if (end - begin !== expected) {
    throw corrupt(`tensor ${name}: ${end - begin} bytes, but ${dtype} [${shape.join(', ')}] takes ${expected}`);
  }
  return { name, dtype, shape, begin, end };
}

function checkCoverage(entries: readonly Entry[], length: number): void {
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) throw corrupt(`tensor ${name} begins at byte ${begin}, expected ${covered}`);
    covered = end;
  }
  if (covered !== length) throw corrupt(`the tensors take ${covered} bytes, but the file holds ${length}`);
}

function decodeTensor({ dtype, shape, begin, end }: Entry, body: Uint8Array): SafetensorsTensor {
  const { size, decode } = CODECS[dtype];
  // A copy of its own, since typed arrays must begin at a multiple of their element's size; not by `slice`, which shares memory in a Buffer.
  return { dtype, shape, data: decode(hostOrder(new Uint8Array(body.subarray(begin, end)), size).buffer) };
}

function encodeTensor({ dtype, data }: SafetensorsTensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = CODECS[dtype].encode(data);
  return hostOrder(new Uint8Array(buffer, byteOffset, byteLength).slice(), CODECS[dtype].size);
}

/** Turns little-endian elements into the machine's order, or back, in place. */
function hostOrder(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  if (LITTLE_ENDIAN) return bytes;
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
  return bytes;
}

function assemble(header: Record<string, unknown>, parts: readonly Uint8Array[], length: number): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Spaces fill the header to a multiple of 8, so that the tensors are aligned in the file.
  const start = 8 + Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(start + length).fill(0x20, 8, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(json, 8);
  let at = start;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function compareTensors(nameA: string, a: SafetensorsTensor, nameB: string, b: SafetensorsTensor): number {
  return DTYPES.indexOf(a.dtype) - DTYPES.indexOf(b.dtype) || (nameA < nameB ? -1 : 1);
}

function checkTensor(name: string, { dtype, shape, data }: SafetensorsTensor): void {
  if (name === METADATA) throw invalid(`${METADATA} cannot be a tensor's name`);
  const found = data.constructor.name;
  if (found !== CODECS[dtype].array) throw invalid(`tensor ${name}: ${dtype} wants ${CODECS[dtype].array}, got ${found}`);
  if (data.length !== elementCount(shape)) {
    throw invalid(`tensor ${name}: ${data.length} elements do not fill [${shape.join(', ')}]`);
  }
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, length) => count * length, 1);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDtype(value: unknown): value is SafetensorsDtype {
  return typeof value === 'string' && Object.hasOwn(CODECS, value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}

function corrupt(message: string, cause?: unknown): NncfError {
  const hint = 'The file is damaged or not a safetensors file: fetch or write it again.';
  return new NncfError({ code: 'CORRUPT_FILE', message, hint, cause });
}

function invalid(message: string): NncfError {
  return new NncfError({ code: 'INVALID_ARGUMENT', message });
}

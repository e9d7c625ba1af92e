import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NncfError } from '../src/errors.ts';
import { readSafetensors, writeSafetensors, type SafetensorsTensor } from '../src/state/safetensors.ts';

/** A file from a header and a body, with nothing checked. */
function file(header: unknown, body: readonly number[] = []): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + body.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(body, 8 + json.length);
  return bytes;
}

function refusal(bytes: Uint8Array): NncfError {
  try {
    readSafetensors(bytes);
  } catch (error) {
    if (error instanceof NncfError) return error;
    throw error;
  }
  throw new Error('the file was accepted');
}

function halves(values: readonly number[]): number[] {
  const tensor: SafetensorsTensor = {
    dtype: 'F16',
    shape: [values.length],
    data: Float32Array.from(values),
  };
  const bytes = writeSafetensors([['x', tensor]]);
  return Array.from(new Uint16Array(bytes.slice(bytes.length - 2 * values.length).buffer));
}

function widened(bits: readonly number[]): number[] {
  const body = bits.flatMap((pattern) => [pattern & 255, pattern >> 8]);
  const entry = { dtype: 'F16', shape: [bits.length], data_offsets: [0, body.length] };
  return Array.from(readSafetensors(file({ x: entry }, body)).tensors.get('x')!.data as Float32Array);
}

describe('readSafetensors', () => {
  it('reads a file written by hand, little-endian', () => {
    const header = {
      __metadata__: { made: 'by hand' },
      a: { dtype: 'F32', shape: [1, 2], data_offsets: [4, 12] },
      b: { dtype: 'I32', shape: [], data_offsets: [0, 4] },
    };
    const { tensors, metadata } = readSafetensors(file(header, [1, 2, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc1]));
    expect(metadata).toEqual({ made: 'by hand' });
    expect([...tensors.keys()]).toEqual(['b', 'a']);
    expect(tensors.get('a')).toEqual({
      dtype: 'F32',
      shape: [1, 2],
      data: new Float32Array([1, -10]),
    });
    expect(tensors.get('b')).toEqual({ dtype: 'I32', shape: [], data: new Int32Array([513]) });
  });

  it('reads from a view that begins inside a larger buffer', () => {
    const bytes = file({ x: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, [0, 0, 0x80, 0x3f]);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(readSafetensors(shifted.subarray(3)).tensors.get('x')!.data).toEqual(new Float32Array([1]));
  });

  it('reads from a Buffer, whose slice shares memory', () => {
    const entries = { x: { dtype: 'U8', shape: [1], data_offsets: [0, 1] }, y: { dtype: 'F32', shape: [1], data_offsets: [1, 5] } };
    const { tensors } = readSafetensors(Buffer.from(file(entries, [9, 0, 0, 0x80, 0x3f])));
    expect(tensors.get('x')!.data).toEqual(new Uint8Array([9]));
    expect(tensors.get('y')!.data).toEqual(new Float32Array([1]));
  });

  it('keeps a tensor called __proto__ as any other', () => {
    const bytes = file('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', [7]);
    expect(readSafetensors(bytes).tensors.get('__proto__')!.data).toEqual(new Uint8Array([7]));
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /0 bytes are too few/],
    ['a header longer than the file', Uint8Array.from([9, 0, 0, 0, 0, 0, 0, 0, 123]), /claims 9 bytes, but only 1/],
    ['a header of absurd length', new Uint8Array(8).fill(255), /more than the format allows/],
    ['a header that is not JSON', file('{"x":'), /not JSON/],
    ['a header that is not UTF-8', file('{}').fill(0xff, 8), /not JSON/],
    ['a header that is a list', file([]), /not a JSON object/],
    ['metadata that are not strings', file({ __metadata__: { a: 1 } }), /__metadata__\.a is not a string/],
    ['an entry that is not an object', file({ x: 1 }), /tensor x: its entry/],
    ['an unknown element type', file({ x: { dtype: 'F8', shape: [], data_offsets: [0, 1] } }, [1]), /element type F8/],
    ['an inherited name as element type', file({ x: { dtype: 'toString', shape: [], data_offsets: [0, 1] } }, [1]), /element type/],
    ['a negative length', file({ x: { dtype: 'U8', shape: [-1], data_offsets: [0, 1] } }, [1]), /the shape/],
    ['a single offset', file({ x: { dtype: 'U8', shape: [1], data_offsets: [0] } }, [1]), /data_offsets/],
    [
      'offsets against the shape',
      file({ x: { dtype: 'F32', shape: [1], data_offsets: [0, 2] } }, [1, 2]),
      /2 bytes, but F32 \[1\] takes 4/,
    ],
    ['a body that is cut off', file({ x: { dtype: 'U8', shape: [2], data_offsets: [0, 2] } }, [1]), /take 2 bytes, but the file holds 1/],
    ['bytes left over', file({ x: { dtype: 'U8', shape: [1], data_offsets: [0, 1] } }, [1, 2]), /take 1 bytes, but the file holds 2/],
    ['a gap', file({ x: { dtype: 'U8', shape: [1], data_offsets: [1, 2] } }, [1, 2]), /tensor x begins at byte 1, expected 0/],
    [
      'an overlap',
      file(
        {
          x: { dtype: 'U8', shape: [2], data_offsets: [0, 2] },
          y: { dtype: 'U8', shape: [2], data_offsets: [1, 3] },
        },
        [1, 2, 3],
      ),
      /tensor y begins at byte 1, expected 2/,
    ],
  ])('refuses %s', (_, bytes, message) => {
    const error = refusal(bytes);
    expect(error.code).toBe('CORRUPT_FILE');
    expect(error.message).toMatch(message);
  });

  it('refuses every file that lost bytes at its end', () => {
    const whole = writeSafetensors([['x', { dtype: 'F32', shape: [3], data: new Float32Array(3) }]]);
    for (let length = 0; length < whole.length; length++) {
      expect(refusal(whole.subarray(0, length)).code).toBe('CORRUPT_FILE');
    }
  });
});

describe('writeSafetensors', () => {
  const integers = fc.oneof(
    fc.uint8Array().map((data): SafetensorsTensor => ({ dtype: 'U8', shape: [data.length], data })),
    fc.int8Array().map((data): SafetensorsTensor => ({ dtype: 'I8', shape: [1, data.length], data })),
    fc.int32Array().map((data): SafetensorsTensor => ({ dtype: 'I32', shape: [data.length, 1], data })),
    fc.bigInt64Array().map((data): SafetensorsTensor => ({ dtype: 'I64', shape: [data.length], data })),
    fc.array(fc.boolean()).map((bits): SafetensorsTensor => ({
      dtype: 'BOOL',
      shape: [bits.length],
      data: Uint8Array.from(bits, Number),
    })),
  );
  const floats = fc.float32Array().map((data): SafetensorsTensor => ({ dtype: 'F32', shape: [data.length], data }));

  it('is the inverse of reading', () => {
    const name = fc.string().filter((text) => text !== '__metadata__');
    const tensors = fc.dictionary(name, fc.oneof(integers, floats), { noNullPrototype: true });
    const metadata = fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true });
    fc.assert(
      fc.property(tensors, metadata, (content, notes) => {
        const read = readSafetensors(writeSafetensors(Object.entries(content), notes));
        expect(Object.fromEntries(read.tensors)).toEqual(content);
        expect(read.metadata).toEqual(notes);
      }),
    );
  });

  it('writes a tensor called __proto__ as any other', () => {
    const bytes = writeSafetensors([['__proto__', { dtype: 'U8', shape: [1], data: new Uint8Array([7]) }]]);
    expect([...readSafetensors(bytes).tensors.keys()]).toEqual(['__proto__']);
  });

  it('aligns every tensor in the file', () => {
    const bytes = writeSafetensors([
      ['byte', { dtype: 'U8', shape: [3], data: new Uint8Array(3) }],
      ['half', { dtype: 'F16', shape: [1], data: new Float32Array(1) }],
      ['long', { dtype: 'I64', shape: [1], data: new BigInt64Array(1) }],
      ['word', { dtype: 'F32', shape: [1], data: new Float32Array(1) }],
    ]);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<string, { data_offsets: number[] }>;
    expect(length % 8).toBe(0);
    expect(Object.entries(header).map(([key, entry]) => [key, entry.data_offsets])).toEqual([
      ['long', [0, 8]],
      ['word', [8, 12]],
      ['half', [12, 14]],
      ['byte', [14, 17]],
    ]);
  });

  it('refuses data that fit neither shape nor element type', () => {
    const write = (name: string, tensor: SafetensorsTensor) => () => writeSafetensors([[name, tensor]]);
    expect(write('x', { dtype: 'F32', shape: [2], data: new Float32Array(3) })).toThrow(/3 elements do not fill \[2\]/);
    expect(write('x', { dtype: 'I32', shape: [1], data: new Float32Array(1) })).toThrow(/I32 wants Int32Array, got Float32Array/);
    expect(write('__metadata__', { dtype: 'U8', shape: [0], data: new Uint8Array(0) })).toThrow(/cannot be a tensor's name/);
  });
});

describe('half precision', () => {
  it('widens by the table of IEEE 754', () => {
    expect(widened([0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x03ff, 0x3555, 0x7c00, 0xfc00, 0x7e00])).toEqual([
      0,
      -0,
      1,
      -2,
      65504,
      2 ** -14,
      2 ** -24,
      1023 * 2 ** -24,
      0.333251953125,
      Infinity,
      -Infinity,
      NaN,
    ]);
  });

  it('rounds half to even, also below the normal numbers and at the ends', () => {
    const step = 2 ** -10;
    expect(halves([1 + step / 2, 1 + (3 * step) / 2, 1 + step / 2 + 2 ** -20, -1 - step / 2])).toEqual([0x3c00, 0x3c02, 0x3c01, 0xbc00]);
    expect(halves([2 - step / 2, 2 ** -14 - 2 ** -26, 2 ** -25, 1.5 * 2 ** -24, 2 ** -26, -0])).toEqual([
      0x4000, 0x0400, 0x0000, 0x0002, 0x0000, 0x8000,
    ]);
    expect(halves([65519, 65520, -1e30, Infinity, NaN, 1e-45])).toEqual([0x7bff, 0x7c00, 0xfc00, 0x7c00, 0x7e00, 0]);
  });

  it('gives every pattern back that is not NaN', () => {
    const patterns = Array.from({ length: 1 << 16 }, (_, bits) => bits).filter(
      (bits) => (bits & 0x7c00) !== 0x7c00 || (bits & 0x3ff) === 0,
    );
    expect(halves(widened(patterns))).toEqual(patterns);
  });

  it('takes the nearest half-precision number', () => {
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const [bits] = halves([value]);
        const near = widened([bits!, bits! + 1, Math.max(bits! - 1, bits! & 0x8000)]);
        const [chosen, ...others] = near.map((other) => Math.abs(other - value));
        expect(others.every((distance) => chosen! <= distance || Number.isNaN(distance))).toBe(true);
      }),
    );
  });
});

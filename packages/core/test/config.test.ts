import { NncfError, parseConfig, parseConfigText, validate } from '@nncf/core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { editDistance, nearest } from '../src/config/nearest.ts';

const failure = (f: () => unknown): NncfError => {
  try {
    f();
  } catch (error) {
    if (error instanceof NncfError) return error;
  }
  throw new Error('nothing was thrown');
};

describe('configuration text', () => {
  it('may hold comments and trailing commas', () => {
    expect(parseConfigText('{ // the method\n "compression": { "algorithm": "x", }, }')).toEqual({ compression: { algorithm: 'x' } });
  });

  it('says where it is broken', () => {
    const error = failure(() => parseConfigText('{\n  "compression": [}\n', 'my.json'));
    expect(error.code).toBe('CONFIG_SYNTAX');
    expect(error.message).toContain('my.json:2:19');
  });
});

describe('the root of a configuration', () => {
  it('takes one section or several and gives each its pointer', () => {
    expect(parseConfig({ compression: { algorithm: 'a', bits: 4 } }).sections).toEqual([
      { algorithm: 'a', pointer: '/compression', options: { bits: 4 } },
    ]);
    expect(parseConfig({ compression: [{ algorithm: 'a' }, { algorithm: 'b' }] }).sections.map((s) => s.pointer)).toEqual([
      '/compression/0',
      '/compression/1',
    ]);
  });

  it("reads the paper's files: keys of the training program pass", () => {
    const parsed = parseConfig({
      model: 'resnet50',
      pretrained: true,
      input_info: { sample_size: [1, 3, 224, 224] },
      num_classes: 1000,
      batch_size: 256,
      optimizer: { type: 'Adam', base_lr: 1e-5, optimizer_params: { weight_decay: 1e-4 } },
      target_device: 'CPU',
      compression: { algorithm: 'quantization' },
    });
    expect(parsed.inputInfo).toEqual([{ sample_size: [1, 3, 224, 224] }]);
    expect(parsed.targetDevice).toBe('CPU');
  });

  it('refuses an unknown key with its pointer and the nearest known one', () => {
    const error = failure(() => parseConfig({ compresion: {} }));
    expect(error.code).toBe('CONFIG_UNKNOWN_KEY');
    expect(error.message).toContain('"compresion" at /compresion');
    expect(error.message).toContain('Did you mean "compression"?');
  });

  it('points into arrays', () => {
    const error = failure(() => parseConfig({ input_info: [{ sample_size: [1, 2] }, { sample_size: [1, 'x'] }] }));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain('/input_info/1/sample_size/1');
    expect(error.message).toContain('found "x"');
  });

  it.each([[null], ['text'], [[1]], [7]])('refuses %j', (value) => {
    expect(failure(() => parseConfig(value)).code).toBe('CONFIG_INVALID');
  });
});

describe('validation of a section', () => {
  const schema = z.strictObject({
    weights: z.strictObject({ bits: z.int().min(2).max(16).default(8) }).optional(),
    mode: z.enum(['a', 'b']).optional(),
  });

  it('names the nearest key inside nested objects', () => {
    const error = failure(() => validate(schema, { weights: { bit: 8 } }, '/compression/1'));
    expect(error.message).toContain('"bit" at /compression/1/weights/bit');
    expect(error.message).toContain('Did you mean "bits"?');
  });

  it('shows what was found and what is allowed', () => {
    const bits = failure(() => validate(schema, { weights: { bits: 0 } }, '/compression'));
    expect(bits.message).toContain('/compression/weights/bits: found 0');
    expect(bits.message).toMatch(/2/u);
    expect(failure(() => validate(schema, { mode: 'c' }, '')).message).toContain('Allowed: a, b');
  });

  it('escapes pointers as RFC 6901 says', () => {
    expect(failure(() => validate(z.strictObject({}), { 'a/b~c': 1 }, '')).message).toContain('/a~1b~0c');
  });
});

describe('nearest word', () => {
  it('counts edits', () => {
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('', 'abc')).toBe(3);
  });

  it('finds none that is far', () => {
    expect(nearest('zebra', ['compression', 'weights'])).toBeUndefined();
  });
});

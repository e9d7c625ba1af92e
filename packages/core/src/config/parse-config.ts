import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser';
import { z, type ZodType } from 'zod';
import { NncfError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { APPLICATION_KEYS } from './application-keys.ts';
import { validate } from './config-error.ts';
import type { AlgorithmSection, InputInfo, NncfConfig, ParsedConfig } from './nncf-config.ts';

const inputInfoSchema: ZodType<InputInfo> = z.strictObject({
  sample_size: z.array(z.int().positive()).min(1),
  type: z.enum(['float', 'float32', 'long', 'int32']).optional(),
  filler: z.enum(['ones', 'zeros', 'random']).optional(),
  keyword: z.string().optional(),
});

const sectionSchema = z.looseObject({ algorithm: z.string().min(1) });

const rootSchema = z.strictObject({
  input_info: z.union([inputInfoSchema, z.array(inputInfoSchema)]).optional(),
  compression: z.union([sectionSchema, z.array(sectionSchema)]).optional(),
  target_device: z.enum(['ANY', 'CPU', 'GPU', 'NPU', 'VPU', 'TRIAL', 'NONE', 'CPU_SPR']).optional(),
  plugins: z.array(z.string().min(1)).optional(),
  ...Object.fromEntries(APPLICATION_KEYS.map((key) => [key, z.unknown().optional()])),
  epochs: z.int().positive().optional(),
});

const many = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T];

/**
 * Reads the text of a configuration file: JSON, comments and trailing commas allowed.
 *
 * @param file name for messages
 * @throws NncfError `CONFIG_SYNTAX` with line and column
 */
export function parseConfigText(text: string, file = 'configuration'): NncfConfig {
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  const first = errors[0];
  if (first !== undefined) throw syntaxError(text, first, file);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notAnObject(file);
  return value as NncfConfig;
}

/**
 * Validates everything but the algorithms' own keys, which their packages know.
 *
 * @throws NncfError `CONFIG_UNKNOWN_KEY`, `CONFIG_INVALID`
 */
export function parseConfig(config: unknown): ParsedConfig {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) throw notAnObject('configuration');
  const root = validate(rootSchema, config, '');
  const single = !Array.isArray(root.compression);
  const sections = many(root.compression).map((section, index) => toSection(section, single ? '/compression' : `/compression/${index}`));
  return {
    inputInfo: many(root.input_info),
    sections,
    targetDevice: root.target_device ?? 'ANY',
    plugins: root.plugins ?? [],
    epochs: root.epochs,
  };
}

function toSection(section: { readonly algorithm: string; readonly [key: string]: unknown }, pointer: string): AlgorithmSection {
  const { algorithm, ...options } = section;
  return { algorithm, pointer, options: options as JsonObject };
}

function syntaxError(text: string, error: ParseError, file: string): NncfError {
  const before = text.slice(0, error.offset).split('\n');
  return new NncfError({
    code: 'CONFIG_SYNTAX',
    message: `${file}:${before.length}:${(before.at(-1) ?? '').length + 1} is not JSON: ${printParseErrorCode(error.error)}.`,
    hint: 'Comments and trailing commas are fine; keys and texts need double quotes.',
  });
}

function notAnObject(file: string): NncfError {
  return new NncfError({
    code: 'CONFIG_INVALID',
    message: `The ${file} must be a JSON object.`,
    hint: 'It starts with { and has the key "compression".',
  });
}

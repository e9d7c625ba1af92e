import { z, type ZodError, type ZodType } from 'zod';
import { NncfError } from '../errors.ts';
import { listed, nearest } from './nearest.ts';

type Issue = ZodError['issues'][number];

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

/** `['a', 0, 'b/c']` as the JSON pointer `/a/0/b~1c` (RFC 6901) below `base`. */
export function jsonPointer(base: string, path: readonly PropertyKey[]): string {
  const tail = path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return `${base}${tail}`;
}

/** Keys that a schema allows at a path. */
function knownKeys(schema: JsonSchema, path: readonly PropertyKey[]): string[] {
  const alternatives = [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  const [key, ...rest] = path;
  if (key === undefined) return [...new Set(alternatives.flatMap((s) => Object.keys(s.properties ?? {})))];
  const next = alternatives.flatMap((s) => {
    if (typeof key === 'number') return s.items ?? [];
    const additional = typeof s.additionalProperties === 'object' ? [s.additionalProperties] : [];
    return s.properties?.[String(key)] ?? additional;
  });
  return next.flatMap((s) => knownKeys(s, rest));
}

/** The value at a path of plain data. */
function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  return value;
}

/** The issue of the alternative of a union that came nearest, that is, failed deepest. */
function deepest(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const inner = issue.errors.flat().map((each) => deepest({ ...each, path: [...issue.path, ...each.path] } as Issue));
  inner.sort((a, b) => b.path.length - a.path.length);
  const best = inner[0];
  return best !== undefined && best.path.length > issue.path.length ? best : issue;
}

function unknownKey(issue: Issue & { code: 'unrecognized_keys' }, schema: ZodType, base: string): NncfError {
  const key = issue.keys[0] ?? '';
  const known = knownKeys(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema, issue.path);
  const guess = nearest(key, known);
  return new NncfError({
    code: 'CONFIG_UNKNOWN_KEY',
    message: `Unknown key "${key}" at ${jsonPointer(base, [...issue.path, key])}.`,
    hint: `${guess === undefined ? '' : `Did you mean "${guess}"? `}Allowed here: ${listed(known, 40)}.`,
  });
}

/** Turns the first finding of a schema into an error with pointer, what was found and what is allowed. */
export function configError(error: ZodError, schema: ZodType, data: unknown, base: string): NncfError {
  const issue = error.issues[0] === undefined ? undefined : deepest(error.issues[0]);
  if (issue === undefined) return new NncfError({ code: 'CONFIG_INVALID', message: 'The configuration is not valid.' });
  if (issue.code === 'unrecognized_keys') return unknownKey(issue, schema, base);
  const found = JSON.stringify(valueAt(data, issue.path)) ?? 'nothing';
  return new NncfError({
    code: 'CONFIG_INVALID',
    message: `Wrong value at ${jsonPointer(base, issue.path) || '/'}: found ${found.slice(0, 80)}. ${issue.message}.`,
    hint: issue.code === 'invalid_value' ? `Allowed: ${issue.values.map(String).join(', ')}.` : undefined,
  });
}

/**
 * Validates plain data.
 *
 * @param base JSON pointer of `data` within the configuration
 * @throws NncfError `CONFIG_UNKNOWN_KEY` or `CONFIG_INVALID`
 */
export function validate<T>(schema: ZodType<T>, data: unknown, base: string): T {
  const result = schema.safeParse(data);
  if (!result.success) throw configError(result.error, schema, data, base);
  return result.data;
}

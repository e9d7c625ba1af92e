import { NncfError } from '../errors.ts';
import { listed, nearest } from './nearest.ts';

/** A thing with an address and the scope that it stands in. */
export interface Scoped {
  readonly name: string;
  readonly scope: string;
}

const REGEX_PREFIX = '{re}';

/**
 * Whether one pattern names a node: its address (`conv1/Conv2D_0`), its scope (`conv1`), or a scope around it
 * (`encoder` for `encoder/conv1`). `{re}` starts a regular expression that may match anywhere in address or scope.
 */
export function matchesScope(pattern: string, node: Scoped): boolean {
  if (pattern.startsWith(REGEX_PREFIX)) {
    const regex = scopeRegex(pattern);
    return regex.test(node.name) || regex.test(node.scope);
  }
  return pattern === node.name || pattern === node.scope || node.scope.startsWith(`${pattern}/`);
}

/** Whether any of the patterns names the node. */
export function matchesAnyScope(patterns: readonly string[], node: Scoped): boolean {
  return patterns.some((pattern) => matchesScope(pattern, node));
}

/**
 * Refuses patterns that name nothing: a mistyped scope would otherwise be a silent no-op.
 *
 * @throws NncfError `SCOPE_UNMATCHED` with the JSON pointer, the pattern, and the nearest scope
 */
export function requireMatches(patterns: readonly string[], nodes: readonly Scoped[], pointer: string): void {
  patterns.forEach((pattern, index) => {
    if (!nodes.some((node) => matchesScope(pattern, node))) throw unmatched(pattern, nodes, `${pointer}/${index}`);
  });
}

function scopeRegex(pattern: string): RegExp {
  try {
    return new RegExp(pattern.slice(REGEX_PREFIX.length), 'u');
  } catch (cause) {
    throw new NncfError({
      code: 'CONFIG_INVALID',
      message: `The scope "${pattern}" is not a regular expression.`,
      hint: 'What follows {re} is read by JavaScript\'s RegExp with the flag "u".',
      cause,
    });
  }
}

function unmatched(pattern: string, nodes: readonly Scoped[], pointer: string): NncfError {
  const scopes = [...new Set(nodes.flatMap((node) => [node.scope, node.name]))].filter((scope) => scope !== '');
  const guess = nearest(pattern, scopes);
  return new NncfError({
    code: 'SCOPE_UNMATCHED',
    message: `The scope "${pattern}" at ${pointer} matches nothing in the model.`,
    hint: `${guess === undefined ? '' : `Did you mean "${guess}"? `}Scopes of this model: ${listed([...new Set(nodes.map((node) => node.scope))])}.`,
  });
}

import { matchesScope, type GraphNode, type ModelGraph } from '@nncf/core';

/** Operations that stay in floating point: by address, by regular expression, or by kind. */
export interface IgnoredScope {
  /** Addresses as plans print them: an operation (`conv1/Conv2D_0`), or a scope with all below it (`encoder`). */
  readonly names?: readonly string[] | undefined;
  /** Regular expressions that may match anywhere in an address. */
  readonly patterns?: readonly string[] | undefined;
  /** Kinds of operations: `Add`, `MatMul`. */
  readonly types?: readonly string[] | undefined;
}

/** One entry of an ignored scope. */
interface Entry {
  readonly what: string;
  matches(node: GraphNode): boolean;
}

/**
 * Addresses of all operations that an ignored scope names. An entry that names none gives a warning with the entry.
 *
 * @throws NncfError `CONFIG_INVALID` for what is no regular expression
 */
export function ignoredNodes(scope: IgnoredScope, graph: ModelGraph, warn: (message: string) => void): readonly string[] {
  const found = new Set<string>();
  for (const { what, matches } of entriesOf(scope)) {
    const nodes = graph.nodes.filter(matches);
    if (nodes.length === 0) warn(`ignoredScope: ${what} matches nothing in the model. ${knownScopes(graph)}`);
    for (const { name } of nodes) found.add(name);
  }
  return [...found];
}

function entriesOf({ names = [], patterns = [], types = [] }: IgnoredScope): readonly Entry[] {
  return [
    ...names.map((name) => ({ what: `the name "${name}"`, matches: (node: GraphNode) => matchesScope(name, node) })),
    ...patterns.map((pattern) => ({
      what: `the pattern "${pattern}"`,
      matches: (node: GraphNode) => matchesScope(`{re}${pattern}`, node),
    })),
    ...types.map((type) => ({ what: `the type "${type}"`, matches: (node: GraphNode) => node.op === type })),
  ];
}

const LISTED = 12;

function knownScopes({ nodes }: ModelGraph): string {
  const names = [...new Set(nodes.map(({ scope, name }) => (scope === '' ? name : scope)))];
  return `Scopes of this model: ${names.slice(0, LISTED).join(', ')}${names.length > LISTED ? ', …' : ''}.`;
}

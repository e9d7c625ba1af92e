import {
  matchesAnyScope,
  matchesScope,
  NncfError,
  requireKnownScopes,
  requireMatches,
  scopeList,
  type GraphNode,
  type ModelGraph,
  type Scoping,
} from '@nncf/core';
import type { QuantizationConfig } from '../config.ts';
import type { PatternExclusion } from './ignored-patterns.ts';

/** Why an operation is left alone. */
export type Exclusion = 'ignored_scopes' | 'target_scopes' | PatternExclusion;

/** Which operations the configuration lets quantization touch. */
export interface ScopeFilter {
  /** Undefined where the inputs of the node may be quantized, and a quantizer may move through it. */
  activations(node: GraphNode): Exclusion | undefined;
  /** Undefined where the weights of the node may be quantized. */
  weights(node: GraphNode): Exclusion | undefined;
}

/**
 * The filter of a configuration: what the whole section excludes, and what its `weights` and `activations` do.
 *
 * @param patterns nodes that belong to a part of the network which is left alone, by id
 */
export function scopeFilter(config: QuantizationConfig, patterns: ReadonlyMap<number, PatternExclusion>): ScopeFilter {
  const by = (group: Scoping | undefined) => (node: GraphNode) =>
    excluded(config, node) ?? excluded(group ?? {}, node) ?? patterns.get(node.id);
  return { activations: by(config.activations), weights: by(config.weights) };
}

function excluded({ ignored_scopes, target_scopes }: Scoping, node: GraphNode): Exclusion | undefined {
  if (matchesAnyScope(scopeList(ignored_scopes), node)) return 'ignored_scopes';
  return target_scopes === undefined || matchesAnyScope(scopeList(target_scopes), node) ? undefined : 'target_scopes';
}

/** Whether a scoped entry of a list is about a node. */
export function inScope(scoping: Scoping, node: GraphNode): boolean {
  return excluded(scoping, node) === undefined;
}

/**
 * Refuses addresses in the configuration that name nothing in the model.
 *
 * @throws NncfError `SCOPE_UNMATCHED` with the JSON pointer of the address
 */
export function requireKnownAddresses(config: QuantizationConfig, graph: ModelGraph, pointer: string): void {
  const sections: readonly (readonly [string, Scoping])[] = [
    [pointer, config],
    [`${pointer}/weights`, config.weights ?? {}],
    [`${pointer}/activations`, config.activations ?? {}],
    ...rangeSections(config, pointer),
  ];
  for (const [at, section] of sections) requireKnownScopes(section, graph.nodes, at);
  for (const key of ['unified_scale_ops', 'linked_quantizer_scopes'] as const) {
    config.activations?.[key]?.forEach((group, i) => requireMatches(group, graph.nodes, `${pointer}/activations/${key}/${i}`));
  }
  const { weights = {}, activations = {}, ...both } = config.scope_overrides ?? {};
  for (const [at, overrides] of Object.entries({ '': both, '/weights': weights, '/activations': activations })) {
    for (const scope of Object.keys(overrides)) requireKey(scope, graph, `${pointer}/scope_overrides${at}`);
  }
}

function rangeSections(config: QuantizationConfig, pointer: string): readonly (readonly [string, Scoping])[] {
  const range = config.initializer?.range;
  return Array.isArray(range) ? (range as readonly Scoping[]).map((entry, i) => [`${pointer}/initializer/range/${i}`, entry] as const) : [];
}

function requireKey(scope: string, graph: ModelGraph, pointer: string): void {
  if (graph.nodes.some((node) => matchesScope(scope, node))) return;
  throw new NncfError({
    source: 'quantization',
    code: 'SCOPE_UNMATCHED',
    message: `The scope "${scope}" at ${pointer}/${scope.replaceAll('~', '~0').replaceAll('/', '~1')} matches nothing in the model.`,
    hint: `Scopes of this model: ${[...new Set(graph.nodes.map((node) => node.scope))].slice(0, 12).join(', ')}.`,
  });
}

import { matchesAnyScope, requireMatches, type GraphNode, type ModelGraph } from '@nncf/core';
import { z, type ZodOptional, type ZodType } from 'zod';

/** One address, or several: exact (`encoder/conv1`, a scope with all below it) or a regular expression (`{re}conv.*`). */
export type Scopes = string | readonly string[];

/** Which layers a method is for. */
export interface Scoping {
  /** Layers to leave alone. @default none */
  readonly ignored_scopes?: Scopes | undefined;
  /** The only layers to change. @default all */
  readonly target_scopes?: Scopes | undefined;
}

const scopes: ZodType<Scopes> = z.union([z.string().min(1), z.array(z.string().min(1))]);

/** Zod shape of {@link Scoping}, to be spread into a section's object. */
export const scopingShape: { readonly ignored_scopes: ZodOptional<ZodType<Scopes>>; readonly target_scopes: ZodOptional<ZodType<Scopes>> } =
  {
    ignored_scopes: scopes.optional(),
    target_scopes: scopes.optional(),
  };

/**
 * Refuses addresses that name nothing.
 *
 * @param pointer JSON pointer of the section
 * @throws NncfError `SCOPE_UNMATCHED`
 */
export function requireKnownScopes(scoping: Scoping, graph: ModelGraph, pointer: string): void {
  requireMatches(listOf(scoping.ignored_scopes), graph.nodes, `${pointer}/ignored_scopes`);
  requireMatches(listOf(scoping.target_scopes), graph.nodes, `${pointer}/target_scopes`);
}

/** Whether a weight that these nodes use is to be changed: none of them is ignored, and one is targeted. */
export function isInScope({ ignored_scopes, target_scopes }: Scoping, nodes: readonly GraphNode[]): boolean {
  if (nodes.some((node) => matchesAnyScope(listOf(ignored_scopes), node))) return false;
  return target_scopes === undefined || nodes.some((node) => matchesAnyScope(listOf(target_scopes), node));
}

function listOf(value: Scopes | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

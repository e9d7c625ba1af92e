import { z, type ZodOptional, type ZodType } from 'zod';
import { matchesAnyScope, requireMatches, type Scoped } from './scope-match.ts';

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
export function requireKnownScopes(scoping: Scoping, nodes: readonly Scoped[], pointer: string): void {
  requireMatches(scopeList(scoping.ignored_scopes), nodes, `${pointer}/ignored_scopes`);
  requireMatches(scopeList(scoping.target_scopes), nodes, `${pointer}/target_scopes`);
}

/** Whether a weight that these nodes use is to be changed: none of them is ignored, and one is targeted. */
export function isInScope({ ignored_scopes, target_scopes }: Scoping, nodes: readonly Scoped[]): boolean {
  if (nodes.some((node) => matchesAnyScope(scopeList(ignored_scopes), node))) return false;
  return target_scopes === undefined || nodes.some((node) => matchesAnyScope(scopeList(target_scopes), node));
}

/** A list of addresses, however it was written. */
export function scopeList(scopes: Scopes | undefined): readonly string[] {
  if (scopes === undefined) return [];
  return typeof scopes === 'string' ? [scopes] : scopes;
}

import type { CompositeAlgorithm } from '../algorithm/composite.ts';
import type { AlgorithmState, CompressionAlgorithm } from '../algorithm/definition.ts';
import { NncfError } from '../errors.ts';
import type { JsonObject } from '../json.ts';

/** State of one algorithm with the version of its layout. */
export interface VersionedState {
  readonly algorithm: string;
  readonly version: number;
  readonly state: AlgorithmState;
  readonly scheduler: JsonObject;
}

/** State of all algorithms of a model. */
export type CompressionState = readonly VersionedState[];

/** Takes the state of every member. */
export function takeState(composite: CompositeAlgorithm): CompressionState {
  return composite.members.map((member) => ({
    algorithm: member.name,
    version: member.stateVersion,
    state: member.state(),
    scheduler: member.scheduler.state(),
  }));
}

/**
 * Gives every member its state back. All are looked at before the first is changed.
 *
 * @param source where the state comes from, for messages
 * @throws NncfError `STATE_MISMATCH` when the algorithms are not the same, or a state is newer than the package
 */
export function restoreState(composite: CompositeAlgorithm, state: CompressionState, source: string = 'The state'): void {
  const pairs = composite.members.map((member) => ({ member, saved: savedFor(member, state, source) }));
  const strangers = state.filter((each) => !pairs.some(({ saved }) => saved === each));
  if (strangers[0] !== undefined)
    throw mismatch(`${source} holds a state of "${strangers[0].algorithm}", which is not in this configuration`);
  const before = takeState(composite);
  try {
    for (const { member, saved } of pairs) restoreMember(member, saved);
  } catch (error) {
    for (const { member } of pairs) restoreMember(member, savedFor(member, before, source));
    throw error;
  }
}

function restoreMember(member: CompressionAlgorithm, saved: VersionedState): void {
  member.loadState(saved.state);
  member.scheduler.loadState(saved.scheduler);
}

function savedFor(member: CompressionAlgorithm, state: CompressionState, source: string): VersionedState {
  const readable = [member.name, ...(member.readsStatesOf ?? [])];
  const saved = readable.map((name) => state.find(({ algorithm }) => algorithm === name)).find((found) => found !== undefined);
  if (saved === undefined) throw mismatch(`${source} holds nothing of "${member.name}"`);
  if (saved.version > member.stateVersion)
    throw mismatch(
      `${source} holds version ${saved.version} of "${member.name}"; the installed package reads up to ${member.stateVersion}`,
    );
  return saved;
}

function mismatch(message: string): NncfError {
  return new NncfError({
    code: 'STATE_MISMATCH',
    message: `${message}.`,
    hint: 'Resume with the configuration that it was made with. Nothing was changed.',
  });
}

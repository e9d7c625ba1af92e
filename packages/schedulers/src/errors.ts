import { NncfError } from '@nncf/core';

const source = 'schedulers';

/** A schedule whose figures make no sense. */
export function scheduleInvalid(message: string, hint?: string): NncfError {
  return new NncfError({ code: 'SCHEDULE_INVALID', source, message, hint });
}

/** Levels that do not fit the steps between them. @param where begins the message */
export function levelsMismatch(levels: number, steps: number, where = ''): NncfError {
  return scheduleInvalid(
    `${where}${levels} levels do not fit ${steps} steps.`,
    'Give one level more than steps: the first is in force from the start.',
  );
}

/** More or fewer optimizer steps in an epoch than `steps_per_epoch` says. */
export function stepsMismatch(expected: number, actual: number): NncfError {
  return new NncfError({
    code: 'SCHEDULE_STEPS_MISMATCH',
    source,
    message: `The schedule counts ${expected} optimizer steps in an epoch, but this epoch has ${actual}.`,
    hint: 'Set "steps_per_epoch" to the number of batches of an epoch, or leave it out: it is counted in the first epoch then.',
  });
}

/** A checkpoint's schedule that does not fit the configured one. */
export function stateMismatch(message: string): NncfError {
  return new NncfError({
    code: 'STATE_MISMATCH',
    source,
    message,
    hint: 'Resume with the configuration that the checkpoint was made with.',
  });
}

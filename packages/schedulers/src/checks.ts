import { scheduleInvalid } from './errors.ts';

/** @throws NncfError `SCHEDULE_INVALID` unless every figure is a share in [0, 1]. */
export function checkLevels(levels: Readonly<Record<string, number>>): void {
  for (const [name, level] of Object.entries(levels)) {
    if (!(level >= 0 && level <= 1)) throw scheduleInvalid(`${name} is ${level}; a level is a share between 0 and 1.`);
  }
}

/** @throws NncfError `SCHEDULE_INVALID` unless every figure is finite and not negative. */
export function checkNotNegative(figures: Readonly<Record<string, number>>): void {
  for (const [name, figure] of Object.entries(figures)) {
    if (!(figure >= 0 && figure < Infinity)) throw scheduleInvalid(`${name} is ${figure}; it must be 0 or more.`);
  }
}

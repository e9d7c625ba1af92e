import { NncfError, type PlanCommand } from '@nncf/core';
import type { Variable } from '@tensorflow/tfjs-core';

/** A mask's command with the variable that it is for. */
export interface MaskedWeight {
  readonly command: PlanCommand;
  /** Name of the variable. */
  readonly name: string;
  readonly variable: Variable;
}

/** The variables behind the commands of {@link planMasks}. */
export function maskedWeights(commands: readonly PlanCommand[], variables: ReadonlyMap<string, Variable>): readonly MaskedWeight[] {
  return commands.map((command) => {
    const name = command.values[0] ?? '';
    const variable = variables.get(name);
    if (variable === undefined)
      throw new NncfError({ code: 'PLAN_INVALID', source: command.algorithm, message: `The model has no variable "${name}".` });
    return { command, name, variable };
  });
}

import { NncfError } from '@nncf/core';

const SOURCE = 'quantization';

/** The choice of bit widths looks at the task's loss, and there is none. */
export function lossMissing(): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'LOSS_MISSING',
    message: 'The choice of bit widths by "hawq" looks at the curvature of the task\'s loss, and initialize() was given no loss.',
    hint: 'Call initialize(batches, { loss: (output, [, labels]) => tf.losses.softmaxCrossEntropy(labels, output) }), or name a file of traces in "traces_per_layer_path".',
  });
}

/** A trace that is NaN or infinite. */
export function traceNotFinite(weight: string, trace: number): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'TRACE_NOT_FINITE',
    message: `The curvature of the loss by ${weight} came out as ${trace}.`,
    hint: 'Look at the loss that initialize() was given: it may divide by zero or take the logarithm of zero.',
  });
}

/** No assignment saves as much as is asked for. */
export function budgetUnreachable(wanted: number, ratios: readonly number[]): NncfError {
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(3)) as [string, string];
  const possible = ratios.length === 0 ? 'and no assignment is possible' : `possible are ${low} to ${high}`;
  return new NncfError({
    source: SOURCE,
    code: 'BUDGET_UNREACHABLE',
    message: `"compression_ratio" is ${wanted}, ${possible}.`,
    hint: 'Ask for less, list smaller widths in "bits", or set "bitwidth_assignment_mode" to "liberal".',
  });
}

/** More assignments than can be looked at. */
export function tooManyAssignments(count: number, widths: readonly number[]): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'CONFIG_UNSUPPORTED',
    message: `The widths ${widths.join(', ')} allow ${count} ordered assignments, too many to look at.`,
    hint: 'List two or three widths in "bits".',
  });
}

/** A file of traces that does not fit the model. */
export function tracesInvalid(file: string, reason: string): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'TRACES_INVALID',
    message: `${file} ${reason}.`,
    hint: 'Write the file with "dump_init_precision_data" from a run with the same model.',
  });
}

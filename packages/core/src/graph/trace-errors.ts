import { NncfError } from '../errors.ts';
import type { InputSpec } from './model-adapter.ts';

/** A model that threw while it was traced. @param scope the innermost scope that threw; empty outside every scope */
export function untraceable(
  cause: unknown,
  scope: string,
  inputs: readonly InputSpec[],
  shapes: readonly (readonly number[])[],
): NncfError {
  const fed = inputs.map(({ name, dtype }, i) => `${name} ${dtype} [${(shapes[i] ?? []).join(', ')}]`).join('; ');
  return new NncfError({
    code: 'MODEL_UNSUPPORTED',
    message: `The model cannot be traced${scope === '' ? '' : `: "${scope}" throws`} at ${fed}: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: 'Say at /input_info what each input takes: { "sample_size": [1, 128], "type": "long", "filler": "zeros" }. A model that throws on your own data as well has to be mended first.',
    cause,
  });
}

/** An input of a type that no tensor of numbers has. */
export function untraceableInput({ name, dtype }: InputSpec): NncfError {
  return new NncfError({
    code: 'MODEL_UNSUPPORTED',
    message: `The input "${name}" holds ${dtype}, which cannot be traced.`,
    hint: 'Turn it into numbers outside the model: float32, int32 or bool.',
  });
}

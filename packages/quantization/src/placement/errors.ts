import { NncfError } from '@nncf/core';

const SOURCE = 'quantization';

/** A key that this package reads but cannot act on. */
export function configUnsupported(pointer: string, what: string, hint: string): NncfError {
  return new NncfError({ source: SOURCE, code: 'CONFIG_UNSUPPORTED', message: `${pointer}: ${what}`, hint });
}

/** Tensors that must share a quantizer were given different bit widths. */
export function unifiedBits(a: string, b: string): NncfError {
  return new NncfError({
    source: SOURCE,
    code: 'UNIFIED_SCHEMES_DIFFER',
    message: `The tensors ${a} and ${b} must share one quantizer, but are to have different ones.`,
    hint: 'Give both the same bit width: a concatenation needs its inputs on one grid.',
  });
}

/** `quantize_outputs` on an output at which nothing can be inserted. */
export function outputsClosed(nodes: readonly string[], pointer: string): NncfError {
  return configUnsupported(
    `${pointer}/quantize_outputs`,
    `nothing can be inserted at the result of ${nodes.join(', ')}.`,
    'End the model with another layer, such as an activation, or leave quantize_outputs out.',
  );
}

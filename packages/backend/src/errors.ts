import { NncfError } from '@nncf/core';

/** `NNCF_BACKEND` or `prefer` names something that is not a backend. */
export function unknownBackend(name: string, known: readonly string[]): NncfError {
  return new NncfError({
    code: 'BACKEND_UNKNOWN',
    source: 'backend',
    message: `"${name}" is not a backend.`,
    hint: `Set NNCF_BACKEND to one of ${known.join(', ')}, or leave it unset.`,
  });
}

/** The backend that `NNCF_BACKEND` demands does not load here, or no backend does. */
export function backendUnavailable(name: string, why: string, cause: unknown): NncfError {
  return new NncfError({
    code: 'BACKEND_UNAVAILABLE',
    source: 'backend',
    message: `The backend ${name} is not available: ${why}.`,
    hint: name.startsWith('tfjs-node')
      ? 'Run "npx @nncf/libtensorflow" in your project, or use NNCF_BACKEND=wasm.'
      : 'Install @tensorflow/tfjs-backend-wasm or @tensorflow/tfjs-backend-cpu in your project.',
    cause,
  });
}

/** `nativeOp` was called while another backend than tfjs-node is in use. */
export function notNative(operation: string, backend: string): NncfError {
  return new NncfError({
    code: 'BACKEND_NOT_NATIVE',
    source: 'backend',
    message: `The TensorFlow operation ${operation} needs tfjs-node; the backend in use is ${backend}.`,
    hint: 'Ask isNative() first, and compute with TensorFlow.js operations otherwise.',
  });
}

import type { InputInfo } from '../config/nncf-config.ts';

/** The element type that `type` of an entry of `input_info` means; undefined when it does not say. TensorFlow.js has no longer integers. */
export function elementType(type: InputInfo['type']): 'int32' | 'float32' | undefined {
  if (type === undefined) return undefined;
  return type === 'long' || type === 'int32' ? 'int32' : 'float32';
}

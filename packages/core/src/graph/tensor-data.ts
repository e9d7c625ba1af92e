/** Typed arrays that a tensor's contents come as. */
export type TypedArray = Float32Array | Int32Array | Uint8Array;

/** A tensor as plain data, row-major. */
export interface TensorData {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly data: TypedArray;
}

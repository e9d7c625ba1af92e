/** What other packages compute with: TensorFlow's operations by name and the compiled ones. Imports nothing of Node's. */
export { isNative, nativeOp, nativeOp1, type NativeAttribute, type NativeAttributes } from './kernel-map.ts';
export {
  binarizeActivationsGradOperation,
  binarizeActivationsOperation,
  binarizeWeightsOperation,
  hasBinarization,
} from './native/binarization.ts';
export { fakeQuantizeGradOperation, fakeQuantizeOperation, hasOperations, type FakeQuantizeGrid } from './native/operations.ts';

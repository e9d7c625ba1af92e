import { binarizeActivationsGradOperation, binarizeActivationsOperation, binarizeWeightsOperation } from '@nncf/backend/kernels';
import type { BinarizationKernels } from '../kernels.ts';

/** Binarization by the backend's compiled operations: one pass each, on all processors. */
export const operationKernels: BinarizationKernels = {
  activations: ({ x, scale, threshold }) => binarizeActivationsOperation(x, scale, threshold),
  activationGradients: (upstream, { x, scale, threshold }) => binarizeActivationsGradOperation(upstream, x, scale, threshold),
  weights: (w, perFilter) => binarizeWeightsOperation(w, perFilter),
};

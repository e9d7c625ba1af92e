import { exchangeKernels } from '../kernel-map.ts';
import { avgPoolGradConfig, maxPoolGradConfig } from '../portable/pooling.ts';
import { resizeGradConfigs } from '../portable/resize.ts';
import { segmentSumConfig } from '../portable/segment-sum.ts';
import { conv2dBackpropFilterConfig, conv2dBackpropInputConfig } from './conv2d-backprop.ts';
import { depthwiseBackpropFilterConfig, depthwiseBackpropInputConfig } from './depthwise-backprop.ts';
import { wasmBatchNorm, wasmBatchNormGrad } from './batch-norm.ts';
import { quickMatMul } from './mat-mul.ts';
import { quickReductions } from './reductions.ts';
import { correctedConvolutions } from './same-padding.ts';

/** Registers the kernels that training needs and the wasm backend lacks, has wrong, or has only as plain loops. Returns the undo. */
export function registerWasmKernels(): () => void {
  return exchangeKernels([
    conv2dBackpropFilterConfig,
    conv2dBackpropInputConfig,
    depthwiseBackpropFilterConfig,
    depthwiseBackpropInputConfig,
    maxPoolGradConfig('wasm'),
    avgPoolGradConfig('wasm'),
    wasmBatchNorm,
    wasmBatchNormGrad,
    segmentSumConfig('wasm'),
    ...resizeGradConfigs('wasm'),
    ...correctedConvolutions(),
    ...quickMatMul(),
    ...quickReductions(),
  ]);
}

/** Registers the gradients that the cpu backend has wrong. Returns the undo. */
export function registerCpuKernels(): () => void {
  return exchangeKernels([avgPoolGradConfig('cpu'), ...resizeGradConfigs('cpu')]);
}

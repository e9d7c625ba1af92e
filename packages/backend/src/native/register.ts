import { patchBatchNormalizationLayers } from '../batch-norm-layer.ts';
import { exchangeGradient, exchangeKernels } from '../kernel-map.ts';
import { batchNormGradient, nativeBatchNorm, nativeBatchNormGrad } from './batch-norm.ts';
import { patchOptimizers } from './optimizers.ts';
import { reluGradients, reluGradKernels } from './relu.ts';
import { stridedPointwiseKernels } from './strided-pointwise.ts';

/** Registers TensorFlow's fused training operations on tfjs-node, with the gradients that use them. Returns the undo. */
export function registerNativeKernels(): () => void {
  const undo = [
    exchangeKernels([nativeBatchNorm, nativeBatchNormGrad, ...reluGradKernels, ...stridedPointwiseKernels()]),
    ...[batchNormGradient, ...reluGradients()].map(exchangeGradient),
    patchBatchNormalizationLayers(),
    patchOptimizers(),
  ];
  return () => undo.reverse().forEach((restore) => restore());
}

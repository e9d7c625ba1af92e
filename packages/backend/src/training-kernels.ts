import { patchDilatedConvLayers } from './dilated-conv-layer.ts';
import { registerDilatedGradients } from './dilated-gradients.ts';
import { registerNativeKernels } from './native/register.ts';
import { registerCpuKernels, registerWasmKernels } from './wasm/register.ts';

let undo: (() => void) | undefined;

/**
 * Registers the kernels and gradients that make training possible (wasm) and quick (tfjs-node), for whichever backend is in use later. A second
 * call changes nothing.
 *
 * @returns A function that puts TensorFlow.js back as it was.
 */
export function enableTrainingKernels(): () => void {
  undo ??= registerAll();
  return disableTrainingKernels;
}

/** Puts TensorFlow.js's own kernels, gradients and layers back. */
export function disableTrainingKernels(): void {
  undo?.();
  undo = undefined;
}

function registerAll(): () => void {
  const steps = [
    registerNativeKernels(),
    registerWasmKernels(),
    registerCpuKernels(),
    registerDilatedGradients(),
    patchDilatedConvLayers(),
  ];
  return () => steps.reverse().forEach((step) => step());
}

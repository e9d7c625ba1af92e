import { patchDilatedConvLayers } from './dilated-conv-layer.ts';
import { registerDilatedGradients } from './dilated-gradients.ts';
import { isLoaded } from './kernel-map.ts';
import { registerNativeKernels } from './native/register.ts';
import { registerCpuKernels, registerWasmKernels } from './wasm/register.ts';

let undo: (() => void) | undefined;
/** Backends whose kernels are exchanged. */
let prepared = '';

/**
 * Registers the kernels and gradients that make training possible (wasm) and quick (tfjs-node), for the backends that are loaded. A second call takes in those
 * that were loaded since.
 *
 * @returns A function that puts TensorFlow.js back as it was.
 */
export function enableTrainingKernels(): () => void {
  const loaded = ['tensorflow', 'wasm', 'cpu'].filter(isLoaded).join();
  if (loaded !== prepared) disableTrainingKernels();
  undo ??= registerAll();
  prepared = loaded;
  return disableTrainingKernels;
}

/** Puts TensorFlow.js's own kernels, gradients and layers back. */
export function disableTrainingKernels(): void {
  undo?.();
  undo = undefined;
  prepared = '';
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

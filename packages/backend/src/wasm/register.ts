import type { KernelConfig } from "@tensorflow/tfjs-core";
import { exchangeKernel } from "../kernel-map.ts";
import { conv2dBackpropFilterConfig, conv2dBackpropInputConfig } from "./conv2d-backprop.ts";
import {
  depthwiseBackpropFilterConfig,
  depthwiseBackpropInputConfig,
} from "./depthwise-backprop.ts";

const KERNELS: readonly KernelConfig[] = [
  conv2dBackpropFilterConfig,
  conv2dBackpropInputConfig,
  depthwiseBackpropFilterConfig,
  depthwiseBackpropInputConfig,
];

/** Registers the kernels that training needs and the wasm backend lacks, or has only as plain loops. Returns the undo. */
export function registerWasmKernels(): () => void {
  const undo = KERNELS.map(exchangeKernel);
  return () => undo.reverse().forEach((restore) => restore());
}

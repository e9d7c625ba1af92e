import type { Optimizer } from '@tensorflow/tfjs-core';

/** Under this key an optimizer that hands gradients to several others keeps the one of the model's weights. */
export const MAIN_OPTIMIZER: unique symbol = Symbol('main optimizer');

/** The optimizer of the model's weights, where `optimizer` hands gradients to several. */
export function mainOptimizer(optimizer: unknown): Optimizer | undefined {
  return typeof optimizer === 'object' && optimizer !== null && MAIN_OPTIMIZER in optimizer
    ? (optimizer[MAIN_OPTIMIZER] as Optimizer)
    : undefined;
}

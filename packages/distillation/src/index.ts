export { Distillation, type DistillationOptions, type Teacher } from './distillation.ts';
export { distillationLoss, type DistillationLossOptions } from './distillation-loss.ts';
export { frozenCopy } from './frozen-copy.ts';

import './register.ts';

export type { LevelMode, RbParams, RbSparsityConfig } from './config.ts';
export { applyRbMask, INITIAL_LOGIT, type RbMaskOptions } from './gates.ts';
export { rbLocalLoss, rbLoss, type Logits } from './loss.ts';
export { logisticNoise } from './noise.ts';
export { rbSparsity } from './rb-sparsity.ts';

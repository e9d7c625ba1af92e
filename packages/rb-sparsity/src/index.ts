export { applyRbMask, INITIAL_LOGIT, type RbMaskOptions } from './gates.ts';
export { rbLocalLoss, rbLoss, type Logits } from './loss.ts';
export { logisticNoise } from './noise.ts';

import './register.ts';

export { binarization } from './binarization.ts';
export { binarizeActivations } from './binarize-activations.ts';
export { binarizeWeightsDorefa, binarizeWeightsXnor } from './binarize-weights.ts';
export type { BinarizationConfig, BinarizationMode } from './config.ts';
export { activationMapping, weightMapping } from './onnx.ts';

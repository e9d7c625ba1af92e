import './register.ts';

export { histogram, type Histogram } from './histogram.ts';
export { histogramExporter } from './histogram-exporter.ts';
export { histogramPage, type WeightPair } from './histogram-page.ts';
export { MaskOperator } from './mask-operator.ts';
export { checkNumber, checkTensor, loadMasks, maskName, saveMasks } from './mask-state.ts';
export { layerSparsity, layerTable, modelSparsity, percent, sparsityOf, type LayerColumn, type LayerSparsity } from './statistics.ts';
export { maskCommand, planMasks, type MaskPlan } from './weights.ts';
export { maskedWeights, type MaskedWeight } from './weight-access.ts';

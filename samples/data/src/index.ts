export {
  createMemoryDataset,
  imageLength,
  randomSplit,
  subset,
  toMemory,
  type ImageBytes,
  type ImageDataset,
  type ImageShape,
  type MemoryDataset,
  type MemoryDatasetSpec,
  type Normalization,
} from './dataset.ts';
export { imagenetNormalization, mnistNormalization, rawPixels } from './normalization.ts';
export {
  arrayBatches,
  batches,
  cifarAugmentation,
  type ArrayBatch,
  type Augmentation,
  type Batch,
  type Batches,
  type BatchOptions,
} from './batches.ts';
export {
  agreement,
  argmax,
  evaluateClassifier,
  evaluateOutputs,
  type ClassificationScore,
  type EvaluationOptions,
  type Predictor,
} from './evaluate.ts';
export { dataCacheDir } from './cache.ts';
export { loadMnist, type Mnist } from './mnist.ts';
export { cifar10Classes, cifar10Dir, loadCifar10, type Cifar10, type Cifar10Split } from './cifar10.ts';
export { fetchCifar10, type FetchCifar10Options } from './cifar10-fetch.ts';
export { imageFolder, type ImageFolderOptions } from './folder.ts';
export { imagenetSamples } from './imagenet.ts';
export { createEncodedDataset, type DecodeOptions, type EncodedDatasetSpec, type EncodedImage } from './encoded.ts';
export { decodeImage, type Crop, type CropOptions } from './decode.ts';
export { sharedFile } from './shared.ts';
export { readTar, type TarOptions } from './tar.ts';

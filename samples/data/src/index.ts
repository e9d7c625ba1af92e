export {
  createMemoryDataset,
  imageLength,
  randomSplit,
  subset,
  toMemory,
  type ImageBytes,
  type ImageDataset,
  type RandomView,
  type ImageShape,
  type MemoryDataset,
  type MemoryDatasetSpec,
  type Normalization,
} from './dataset.ts';
export { imagenetNormalization, mnistNormalization, rawPixels } from './normalization.ts';
export type { ColourJitter } from './colour.ts';
export type { RandomResizedCrop } from './random-crop.ts';
export {
  arrayBatches,
  batches,
  cifarAugmentation,
  imagenetAugmentation,
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
export {
  createSegmentationDataset,
  segmentationToMemory,
  type EncodedPair,
  type PairOptions,
  type PictureSize,
  type SegmentationBytes,
  type SegmentationDataset,
  type SegmentationSpec,
} from './segmentation/dataset.ts';
export { camvid, camvidClasses, type CamvidSplit } from './segmentation/camvid.ts';
export {
  segmentationArrays,
  segmentationBatches,
  type SegmentationArrays,
  type SegmentationBatch,
  type SegmentationBatches,
  type SegmentationBatchOptions,
} from './segmentation/batches.ts';
export { type SegmentationAugmentation } from './segmentation/view.ts';
export { countClassPixels, enetWeights, medianFrequencyWeights, type ClassPixels } from './segmentation/class-weights.ts';
export type { AnnotationOptions, DetectionDataset, DetectionImage, Objects, Report } from './detection/images.ts';
export { vocClasses, vocDataset, type VocOptions } from './detection/voc.ts';
export { cocoDataset, type CocoOptions } from './detection/coco.ts';
export { ssdAugmentation, type DetectionAugmentation } from './detection/view.ts';
export {
  detectionBatches,
  type BatchObjects,
  type DetectionBatch,
  type DetectionBatches,
  type DetectionBatchOptions,
} from './detection/batches.ts';
export { mrpc, sst2, xnli, type TextDataset, type TextExample, type TextOptions, type TextSplit } from './text/pairs.ts';
export { squad, type Answer, type Question, type QuestionDataset } from './text/squad.ts';
export { createWordPiece, loadWordPiece, type WordPiece, type WordPieceOptions } from './text/word-piece.ts';
export { encodeTexts, type EncodedText } from './text/encode.ts';
export { questionWindows, type QuestionWindow, type WindowOptions } from './text/squad-features.ts';
export type { OrderOptions } from './text/order.ts';
export {
  tokenArrays,
  tokenBatches,
  type TokenArrays,
  type TokenBatch,
  type TokenBatches,
  type TokenBatchOptions,
} from './text/token-batches.ts';

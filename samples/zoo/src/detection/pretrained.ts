import { NncfError, type SafetensorsFile, type SafetensorsTensor } from '@nncf/core';
import { assignWeights, readWeightsFile } from '../weights.ts';
import type { Detector, DetectorOptions } from './detector.ts';
import { ssdMobileNetV1 } from './ssd-mobilenet.ts';

/** Classes of the published network: background and the ids 1 … 90 of COCO. */
const COCO_CLASSES = 91;

/** Names of the added convolutions in the published file. */
const EXTRAS: Readonly<Record<string, string>> = {
  'extra0.narrow': 'extra.Conv2d_13_pointwise_1_Conv2d_2_1x1_192',
  'extra0.wide': 'extra.Conv2d_13_pointwise_2_Conv2d_2_3x3_s2_384',
  'extra1.narrow': 'extra.Conv2d_13_pointwise_1_Conv2d_3_1x1_96',
  'extra1.wide': 'extra.Conv2d_13_pointwise_2_Conv2d_3_3x3_s2_192',
  'extra2.narrow': 'extra.Conv2d_13_pointwise_1_Conv2d_4_1x1_96',
  'extra2.wide': 'extra.Conv2d_13_pointwise_2_Conv2d_4_3x3_s2_192',
  'extra3.narrow': 'extra.Conv2d_13_pointwise_1_Conv2d_5_1x1_48',
  'extra3.wide': 'extra.Conv2d_13_pointwise_2_Conv2d_5_3x3_s2_96',
};

/**
 * Builds SSD with MobileNet v1 0.75 and loads the weights that TensorFlow's detection zoo published for COCO, whose kernels are 8-bit integers with
 * a scale; batch normalization is part of the convolutions. Its anchors are those of the file, in 8 bits too. With another number of classes the class predictors stay as they
 * are initialized, and the anchors are exact, as they are for another input size.
 * @param file path of `ssd_mobilenet_v1_0.75_300_coco.safetensors`
 * @throws NncfError `FILE_UNREADABLE`, `CORRUPT_FILE`, `WEIGHTS_MISMATCH`
 */
export async function loadSsdMobileNetCoco(file: string, options: Omit<DetectorOptions, 'width' | 'batchNorm'> = {}): Promise<Detector> {
  const published = await readWeightsFile(file);
  const content = dequantized(published, file);
  const { classes = COCO_CLASSES } = options;
  const initial = classes === COCO_CLASSES ? 'zeros' : (options.initial ?? 'random');
  const detector = ssdMobileNetV1({ ...options, initial, width: 0.75, batchNorm: false });
  const keeps = (name: string): boolean => classes !== COCO_CLASSES && /^head\d\.classes\./u.test(name);
  assignWeights(detector.model, file, content, { nameOf: publishedName, allowExtra: classes !== COCO_CLASSES, keeps });
  const anchors = published.tensors.get('anchors')?.data;
  const isPublished = classes === COCO_CLASSES && anchors instanceof Float32Array && anchors.length === detector.anchors.length;
  return isPublished ? { ...detector, anchors } : detector;
}

/** `block0.pointwise.kernel` is `Conv2d_1_pointwise.kernel` in the file, `stem.bias` is `Conv2d_0.bias`. */
function publishedName(name: string): string {
  const dot = name.lastIndexOf('.');
  const [layer, weight] = [name.slice(0, dot), name.slice(dot)];
  return `${publishedLayer(layer)}${weight}`;
}

function publishedLayer(layer: string): string {
  if (layer === 'stem') return 'Conv2d_0';
  const [, block, kind] = /^block(\d+)\.(depthwise|pointwise)$/u.exec(layer) ?? [];
  if (block !== undefined) return `Conv2d_${Number(block) + 1}_${kind}`;
  const [, head, output] = /^head(\d)\.(boxes|classes)$/u.exec(layer) ?? [];
  if (head !== undefined) return `BoxPredictor_${head}.${output === 'boxes' ? 'BoxEncodingPredictor' : 'ClassPredictor'}`;
  return EXTRAS[layer] ?? layer;
}

/** The file with real weights: scale · (code − zero point); what is no weight is left out. */
function dequantized(content: SafetensorsFile, file: string): SafetensorsFile {
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, tensor] of content.tensors) {
    if (name.endsWith('.bias')) tensors.set(name, tensor);
    if (name.endsWith('.kernel')) tensors.set(name, realKernel(content, name, tensor, file));
  }
  return { tensors, metadata: content.metadata };
}

function realKernel({ tensors }: SafetensorsFile, name: string, { shape, data }: SafetensorsTensor, file: string): SafetensorsTensor {
  const scale = Number(tensors.get(`${name}_scale`)?.data[0]);
  const zero = Number(tensors.get(`${name}_zero_point`)?.data[0]);
  if (!(data instanceof Uint8Array) || !Number.isFinite(scale) || !Number.isFinite(zero)) throw notQuantized(name, file);
  return { dtype: 'F32', shape, data: Float32Array.from(data, (code) => scale * (code - zero)) };
}

function notQuantized(name: string, file: string): NncfError {
  return new NncfError({
    code: 'CORRUPT_FILE',
    source: 'zoo',
    message: `${file}: ${name} is not 8-bit codes with ${name}_scale and ${name}_zero_point`,
    hint: 'The file of the published network is expected, as its README describes it.',
  });
}

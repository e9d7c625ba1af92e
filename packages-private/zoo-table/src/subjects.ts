import { detectionLoss } from '@nncf/sample-detection';
import { bert, bertSizes, createDetector, createModel, detectors, icnet, unet, zoo, type Detector, type ImageShape } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';

/** A network with a batch that it is trained on. */
export interface Trainable {
  readonly model: tfl.LayersModel;
  readonly inputs: tf.Tensor[];
  /** What the loss compares with, besides what is no tensor. */
  readonly targets: readonly tf.Tensor[];
  /** Loss of the outputs for that batch. */
  readonly loss: (outputs: tf.Tensor[]) => tf.Scalar;
  /** Learning rate of Adam that suits the network. */
  readonly rate: number;
  /** Scopes that stay in floating point. */
  readonly ignored?: readonly string[];
}

/** A model of the zoo. */
export interface Subject {
  readonly name: string;
  /** @param width factor on the channels */
  readonly make: (width: number) => Trainable;
}

const BATCH = 4;
const CLASSES = 7;
const RATE = 1e-3;
/** The dense layers of BERT start small and the others do not, hence a smaller step. */
const BERT_RATE = 1e-4;
const TOKENS = 16;
const PIECES = 30522;

/** Input sizes of classifiers that the usual 64 × 64 × 3 does not suit. */
const CLASSIFIER_INPUTS: Readonly<Record<string, ImageShape>> = { demo: [28, 28, 1], inception_v3: [107, 107, 3] };

/** SSD with VGG-16 ends in one place from these sizes on. */
const DETECTOR_SIDES: Readonly<Record<string, number>> = { ssd300_vgg: 260, ssd512_vgg: 512 };

/** Every model of the zoo by the name that command lines use, on inputs that are as small as it allows. */
export const subjects: readonly Subject[] = [
  ...Object.keys(zoo).map((name) => ({ name, make: (width: number) => classifier(name, width) })),
  ...Object.keys(detectors).map((name) => ({ name, make: (width: number) => detector(name, width) })),
  { name: 'unet', make: (width) => onNoise(unet({ width, inputShape: [64, 96, 3], seed: 1 })) },
  { name: 'icnet', make: (width) => onNoise(icnet({ width, inputShape: [96, 128, 3], seed: 1, auxiliary: true })) },
  ...Object.keys(bertSizes).map((name) => ({ name, make: (width: number) => text(name, width) })),
];

function classifier(name: string, width: number): Trainable {
  const inputShape = CLASSIFIER_INPUTS[name] ?? [64, 64, 3];
  return onNoise(createModel(name, { inputShape, width, classes: CLASSES, seed: 1 }));
}

/** Cross entropy of random answers, one for each row of every output. */
function labelling(model: tfl.LayersModel): Pick<Trainable, 'targets' | 'loss'> {
  const targets = model.outputs.map(({ shape }, place) => randomAnswers(shape, place));
  const loss = (outputs: tf.Tensor[]): tf.Scalar =>
    tf.addN(outputs.map((output, place) => tf.losses.softmaxCrossEntropy(targets[place]!, output) as tf.Scalar));
  return { targets, loss };
}

/** A network that labels pictures of noise. */
function onNoise(model: tfl.LayersModel): Trainable {
  return { model, inputs: [noise(model)], ...labelling(model), rate: RATE };
}

/** One hot, `[batch, …, classes]`. */
function randomAnswers(shape: tfl.SymbolicTensor['shape'], seed: number): tf.Tensor {
  const sizes = shape.map((size) => size ?? BATCH);
  const count = sizes.slice(0, -1).reduce((a, b) => a * b, 1);
  const classes = sizes.at(-1)!;
  return tf.tidy(() => tf.reshape(tf.oneHot(tf.randomUniform([count], 0, classes, 'int32', seed + 2), classes), sizes));
}

function noise({ inputs }: tfl.LayersModel): tf.Tensor {
  const sizes = inputs[0]!.shape.map((size) => size ?? BATCH) as [number, number, number, number];
  return tf.randomUniform(sizes, -1, 1, 'float32', 1);
}

/** The detector's own loss, with an object in every picture. */
function detector(name: string, width: number): Trainable {
  const side = DETECTOR_SIDES[name] ?? 128;
  const found: Detector = createDetector(name, { inputShape: [side, side, 3], width, classes: CLASSES, seed: 1 });
  const lossOf = detectionLoss(found);
  const object = { boxes: Float32Array.of(0.2, 0.3, 0.7, 0.8), labels: Int32Array.of(2), ignored: Uint8Array.of(0) };
  const objects = Array.from({ length: BATCH }, () => object);
  const loss = ([encodings, logits]: tf.Tensor[]): tf.Scalar =>
    lossOf({ encodings: encodings as tf.Tensor3D, logits: logits as tf.Tensor3D }, objects);
  return { model: found.model, inputs: [noise(found.model)], targets: [], loss, rate: RATE };
}

/** BERT with a head for classes, on texts of random pieces of which the last are padding. */
function text(name: string, factor: number): Trainable {
  const { layers, width, heads } = bertSizes[name]!;
  const vocabulary = Math.round(PIECES * factor);
  const model = bert({ layers, width: heads * Math.round((factor * width) / heads), heads, vocabulary, length: TOKENS, seed: 1 });
  const shape: [number, number] = [BATCH, TOKENS];
  const mask = tf.tensor2d(
    Int32Array.from({ length: BATCH * TOKENS }, (_, place) => Number(place % TOKENS < TOKENS - 3)),
    shape,
    'int32',
  );
  const inputs = [tf.randomUniform(shape, 0, vocabulary, 'int32', 1), mask, tf.zeros(shape, 'int32')];
  return { model, inputs, ...labelling(model), rate: BERT_RATE, ignored: ['{re}attention\\.self\\.scores/Add_0'] };
}

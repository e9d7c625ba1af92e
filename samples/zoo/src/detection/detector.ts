import * as tfl from '@tensorflow/tfjs-layers';
import type { Builder, ImageShape, ModelOptions } from '../builder.ts';
import { gridAnchors, type AnchorMap, type BoxShape } from './anchors.ts';

/** How the scores of a class come from the network's outputs: shares of all classes, or one by one. */
export type Scoring = 'softmax' | 'sigmoid';

/** A detector: a network, and what its outputs refer to. */
export interface Detector {
  /**
   * Outputs: box encodings `[batch, anchors, 4]` (centre y, centre x, height, width, coded against the anchors) and class logits
   * `[batch, anchors, classes]`, class 0 is the background.
   */
  readonly model: tfl.LayersModel;
  /** `[anchors, 4]`: centre y, centre x, height and width as shares of the picture. */
  readonly anchors: Float32Array;
  readonly scoring: Scoring;
  /** What it is trained with: SSD's loss with hard negatives, or RetinaNet's focal loss. */
  readonly loss: 'multibox' | 'focal';
}

/** What every detector of the zoo can be asked for; `classes` counts the background too. */
export interface DetectorOptions extends ModelOptions {
  /** Batch normalization in the backbone; without it convolutions have biases. @default true */
  readonly batchNorm?: boolean;
}

/** A feature map that boxes are predicted from. */
export interface FeatureMap {
  readonly features: tfl.SymbolicTensor;
  readonly shapes: readonly BoxShape[];
  /** Distance of neighbouring centres; by default the map covers the picture evenly. */
  readonly step?: BoxShape;
}

/** How feature maps become a detector. */
export interface DetectorSpec {
  readonly name: string;
  readonly input: tfl.SymbolicTensor;
  readonly maps: readonly FeatureMap[];
  readonly classes: number;
  /** Side of the filters of the predictors. */
  readonly kernel: number;
  readonly scoring: Scoring;
  /** Cut anchors off at the picture's edges. @default false */
  readonly clip?: boolean;
}

/** Two predictors on every feature map, `head0.boxes` and `head0.classes` and so on, their outputs joined. */
export function detectorOf(build: Builder, spec: DetectorSpec): Detector {
  const { name, input, maps, classes, kernel, scoring, clip = false } = spec;
  const predict = (kind: string, length: number): tfl.SymbolicTensor[] =>
    maps.map(({ features, shapes }, place) => {
      const layer = `head${place}.${kind}`;
      const y = build.conv(features, layer, { filters: shapes.length * length, kernel, bias: true });
      return build.reshape(y, `${layer}.rows`, [placesOf(features) * shapes.length, length]);
    });
  const boxes = joined(build, predict('boxes', 4), 'boxes');
  const scores = joined(build, predict('classes', classes), 'classes');
  return {
    model: tfl.model({ name, inputs: input, outputs: [boxes, scores] }),
    anchors: gridAnchors(maps.map(anchorMap), clip),
    scoring,
    loss: 'multibox',
  };
}

function joined(build: Builder, parts: tfl.SymbolicTensor[], name: string): tfl.SymbolicTensor {
  return build.concat(parts, name, 1);
}

function anchorMap({ features, shapes, step }: FeatureMap): AnchorMap {
  const [, rows, columns] = sizes(features);
  return { rows, columns, step: step ?? [1 / rows, 1 / columns], shapes };
}

function placesOf(features: tfl.SymbolicTensor): number {
  const [, rows, columns] = sizes(features);
  return rows * columns;
}

function sizes({ shape }: tfl.SymbolicTensor): ImageShape {
  return [0, shape[1] ?? 0, shape[2] ?? 0];
}

import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, imageInput, type Builder, type ModelOptions } from '../builder.ts';
import { bottleneck, resnetStages, type BlockKind } from '../resnet.ts';
import { gridAnchors, type BoxShape } from './anchors.ts';
import type { Detector } from './detector.ts';

/** Sides of the anchors are these multiples of four times the stride … */
const SCALES = [1, 2 ** (1 / 3), 2 ** (2 / 3)];
/** … and heights these multiples of widths. */
const RATIOS = [0.5, 1, 2];
const ANCHORS = SCALES.length * RATIOS.length;
/** Strides of the feature maps P3 … P7. */
const STRIDES = [8, 16, 32, 64, 128];
/** Channels of the pyramid and the heads. */
const CHANNELS = 256;
/** Probability of every class that training starts from. */
const PRIOR = 0.01;

/**
 * RetinaNet with ResNet-50 and a feature pyramid (Lin et al. 2017, arXiv 1708.02002): 38.0 million parameters for the 80 classes of COCO. Layers: `conv1`, `layer1.0.conv1`
 * … of the ResNet, `fpn.lateral3`, `fpn.output3` … `fpn.output7`, `head.classes.0` … `head.classes.3`, `head.classes.logits`, and `boxes` likewise. The heads are shared by all
 * feature maps.
 * @returns a detector with sigmoid and nine anchors a place; input 800 × 1280 × 3 and 80 classes unless told otherwise. Every class has a logit, the background none: a program whose
 * class 0 is the background asks for one class more.
 */
export function retinaNetResnet50(options: ModelOptions = {}): Detector {
  return retinaNet('retinanet_resnet50_fpn', { kind: bottleneck(), blocks: [3, 4, 6, 3] }, options);
}

/** RetinaNet as {@link retinaNetResnet50} with ResNeXt-101 of 64 groups, four channels each: 95.9 million parameters. */
export function retinaNetResnext101(options: ModelOptions = {}): Detector {
  return retinaNet('retinanet_resnext101_64x4d_fpn', { kind: bottleneck(64, 4), blocks: [3, 4, 23, 3] }, options);
}

interface Backbone {
  readonly kind: BlockKind;
  readonly blocks: readonly number[];
}

function retinaNet(name: string, backbone: Backbone, options: ModelOptions): Detector {
  const { inputShape = [800, 1280, 3], classes = 80, width = 1 } = options;
  const build = createBuilder(options);
  const input = imageInput(inputShape);
  const stages = resnetStages(build, input, { ...backbone, width });
  const channels = Math.round(CHANNELS * width);
  const maps = pyramid(build, stages.slice(1), channels);
  const outputs = [
    head(build, maps, { name: 'boxes', channels, length: 4, initialBias: 0 }),
    head(build, maps, { name: 'classes', channels, length: classes, initialBias: -Math.log((1 - PRIOR) / PRIOR) }),
  ];
  return {
    model: tfl.model({ name, inputs: input, outputs }),
    anchors: anchorsOf(maps, [inputShape[0], inputShape[1]]),
    scoring: 'sigmoid',
    loss: 'focal',
  };
}

/** P3 … P7 from C3, C4 and C5 (Lin et al. 2016, arXiv 1612.03144, with the two coarse maps of RetinaNet). */
function pyramid(build: Builder, stages: readonly tfl.SymbolicTensor[], channels: number): tfl.SymbolicTensor[] {
  const lateral = stages.map((stage, place) => build.conv(stage, `fpn.lateral${place + 3}`, { filters: channels, kernel: 1, bias: true }));
  for (let place = lateral.length - 2; place >= 0; place--) {
    const [here, above] = [lateral[place]!, lateral[place + 1]!];
    const raised = build.resize(above, `fpn.up${place + 3}`, [here.shape[1] ?? 0, here.shape[2] ?? 0], 'nearest');
    lateral[place] = build.add([here, raised], `fpn.add${place + 3}`);
  }
  const spec = { filters: channels, kernel: 3, padding: 1, bias: true };
  const maps = lateral.map((x, place) => build.conv(x, `fpn.output${place + 3}`, spec));
  const sixth = build.conv(stages.at(-1)!, 'fpn.output6', { ...spec, stride: 2 });
  return [...maps, sixth, build.conv(build.relu(sixth, 'fpn.relu6'), 'fpn.output7', { ...spec, stride: 2 })];
}

interface HeadSpec {
  readonly name: string;
  readonly channels: number;
  /** Numbers for each anchor. */
  readonly length: number;
  readonly initialBias: number;
}

/** Four convolutions and the predictor, the same for all feature maps; their outputs joined, `[batch, anchors, length]`. */
function head(build: Builder, maps: readonly tfl.SymbolicTensor[], { name, channels, length, initialBias }: HeadSpec): tfl.SymbolicTensor {
  const inner = [0, 1, 2, 3].map((place) =>
    build.sharedConv(`head.${name}.${place}`, { filters: channels, kernel: 3, bias: true, activation: 'relu' }),
  );
  const predict = build.sharedConv(`head.${name}.logits`, { filters: ANCHORS * length, kernel: 3, bias: true, initialBias });
  const rows = maps.map((map, place) => {
    const y = predict(inner.reduce((x, conv) => conv(x), map));
    return build.reshape(y, `head.${name}.rows${place + 3}`, [ANCHORS * (y.shape[1] ?? 0) * (y.shape[2] ?? 0), length]);
  });
  return build.concat(rows, name, 1);
}

function anchorsOf(maps: readonly tfl.SymbolicTensor[], size: readonly [number, number]): Float32Array {
  return gridAnchors(
    maps.map(({ shape }, place) => {
      const stride = STRIDES[place]!;
      return {
        rows: shape[1] ?? 0,
        columns: shape[2] ?? 0,
        step: [stride / size[0], stride / size[1]] as const,
        shapes: SCALES.flatMap((scale) => RATIOS.map((ratio) => anchorShape(4 * stride * scale, ratio, size))),
      };
    }),
  );
}

function anchorShape(side: number, ratio: number, [height, width]: readonly [number, number]): BoxShape {
  return [(side * Math.sqrt(ratio)) / height, side / Math.sqrt(ratio) / width];
}

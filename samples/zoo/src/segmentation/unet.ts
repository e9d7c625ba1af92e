import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, imageInput, type Builder, type ModelOptions } from '../builder.ts';
import { checkDivisible } from './divisible.ts';

/** What UNet can be asked for. */
export interface UnetOptions extends ModelOptions {
  /** Levels, the lowest included. @default 5 */
  readonly depth?: number;
  /** Batch normalization between convolution and ReLU; the publication has none. @default true */
  readonly batchNorm?: boolean;
}

/**
 * UNet (Ronneberger et al. 2015, arXiv 1505.04597): 31.0 million parameters. Convolutions keep the size of the picture (`same` padding), where
 * the publication's lose a border that its skipped pictures are cropped by. Layers: `down1` … `down5` with `conv1` and `conv2`, `up4` … `up1`
 * with `upconv`, `conv1` and `conv2`, `head`.
 * @returns model with logits `[batch, height, width, classes]`; input 368 × 480 × 3 and twelve classes (CamVid) unless told otherwise; height
 * and width must be multiples of 2^(depth − 1)
 * @throws NncfError `INVALID_ARGUMENT` when they are not
 */
export function unet(options: UnetOptions = {}): tfl.LayersModel {
  const { inputShape = [368, 480, 3], classes = 12, width = 1, depth = 5, batchNorm = true } = options;
  checkDivisible('UNet', inputShape, 2 ** (depth - 1));
  const build = createBuilder(options);
  const channels = (level: number): number => Math.round(64 * 2 ** (level - 1) * width);
  const input = imageInput(inputShape);
  let x = pair(build, input, 'down1', channels(1), batchNorm);
  const skipped: tfl.SymbolicTensor[] = [];
  for (let level = 2; level <= depth; level++) {
    skipped.push(x);
    x = pair(build, build.maxPool(x, `pool${level - 1}`, 2, 2), `down${level}`, channels(level), batchNorm);
  }
  for (let level = depth - 1; level >= 1; level--) {
    const up = build.upConv(x, `up${level}.upconv`, channels(level), 2);
    x = pair(build, build.concat([up, skipped[level - 1]!], `up${level}.concat`), `up${level}`, channels(level), batchNorm);
  }
  return tfl.model({ name: 'unet', inputs: input, outputs: build.conv(x, 'head', { filters: classes, kernel: 1, bias: true }) });
}

/** Two convolutions, a ReLU behind each. */
function pair(build: Builder, input: tfl.SymbolicTensor, name: string, filters: number, batchNorm: boolean): tfl.SymbolicTensor {
  return [1, 2].reduce((x, place) => {
    const y = build.conv(x, `${name}.conv${place}`, { filters, kernel: 3, bias: true });
    return build.relu(batchNorm ? build.batchNorm(y, `${name}.bn${place}`) : y, `${name}.relu${place}`);
  }, input);
}

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import fc from 'fast-check';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { pythonEnv } from '../../../scripts/python-env.mjs';
import { ConfusionMatrix } from '../src/score/confusion.ts';
import { highest } from '../src/score/evaluate.ts';
import { icnetAuxiliary, pixelCrossEntropy, pixelHits, segmentationLoss } from '../src/train/loss.ts';

beforeAll(async () => {
  await useBackend({ quiet: true });
});

async function number(scalar: tf.Tensor): Promise<number> {
  return (await scalar.data())[0]!;
}

describe('cross entropy of pixels', () => {
  // One row of three pixels and two classes; the last pixel is ignored.
  const logits = (): tf.Tensor => tf.tensor4d([0, 0, Math.log(3), 0, 50, -50], [1, 1, 3, 2]);
  const labels = (): tf.Tensor3D => tf.tensor3d([0, 1, 11], [1, 1, 3], 'int32');

  it('is the weighted mean over pixels that are not ignored', async () => {
    expect(await number(pixelCrossEntropy(logits(), labels()))).toBeCloseTo((Math.log(2) + Math.log(4)) / 2, 6);
    const weights = tf.tensor1d([1, 3]);
    expect(await number(pixelCrossEntropy(logits(), labels(), { weights }))).toBeCloseTo((Math.log(2) + 3 * Math.log(4)) / 4, 6);
  });

  it('has the gradient w · (p − y) / Σ w, and none where it is ignored', async () => {
    const weights = tf.tensor1d([1, 3]);
    const gradient = tf.grad((x: tf.Tensor) => pixelCrossEntropy(x, labels(), { weights }))(logits());
    const expected = [(0.5 - 1) / 4, 0.5 / 4, (3 * 0.75) / 4, (3 * (0.25 - 1)) / 4, 0, 0];
    (await gradient.data()).forEach((value, place) => expect(value).toBeCloseTo(expected[place]!, 6));
  });

  it('of nothing but ignored pixels is 0, with gradient 0', async () => {
    const ignored = tf.fill([1, 1, 3], 11, 'int32') as tf.Tensor3D;
    expect(await number(pixelCrossEntropy(logits(), ignored))).toBeCloseTo(0, 12);
    const gradient = tf.grad((x: tf.Tensor) => pixelCrossEntropy(x, ignored))(logits());
    expect([...(await gradient.data())].map(Math.abs)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('stays finite for logits that are far apart', async () => {
    const x = tf.tensor4d([1000, -1000], [1, 1, 1, 2]);
    expect(await number(pixelCrossEntropy(x, tf.tensor3d([1], [1, 1, 1], 'int32')))).toBeCloseTo(2000, 3);
  });

  it('adds the small outputs, compared with every second label', async () => {
    const sure = (...classes: number[]): tf.Tensor => tf.mul(tf.oneHot(tf.tensor1d(classes, 'int32'), 2), 100);
    const wide = tf.reshape(sure(0, 1, 1, 0), [1, 2, 2, 2]);
    const small = tf.tensor4d([0, 0], [1, 1, 1, 2]);
    const truth = tf.tensor3d([0, 1, 1, 0], [1, 2, 2], 'int32');
    const loss = segmentationLoss([wide, small, small], truth, icnetAuxiliary);
    expect(await number(loss)).toBeCloseTo((0.4 + 0.16) * Math.log(2), 6);
    // From the middle: the label of the one pixel is the one at row 1, column 1.
    const leaning = tf.tensor4d([3, 0], [1, 1, 1, 2]);
    expect(await number(segmentationLoss([wide, leaning], truth, [1]))).toBeCloseTo(Math.log(1 + Math.exp(-3)), 6);
  });

  it('counts right pixels', async () => {
    expect(await number(pixelHits(logits(), labels()))).toBe(1);
  });
});

describe('the confusion matrix', () => {
  it('gives intersections over unions, by hand', () => {
    const matrix = new ConfusionMatrix(4);
    matrix.add([0, 0, 1, 1, 2, 11], [0, 1, 1, 1, 0, 3]);
    expect([...matrix.counts]).toEqual([1, 1, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    const { iou, meanIoU, accuracy, pixels } = matrix.score();
    expect(iou).toEqual([1 / 3, 2 / 3, 0, undefined]);
    expect([meanIoU, accuracy, pixels]).toEqual([1 / 3, 3 / 5, 5]);
  });

  it('of nothing has score 0', () => {
    expect(new ConfusionMatrix(2).score()).toEqual({ iou: [undefined, undefined], meanIoU: 0, accuracy: 0, pixels: 0 });
  });

  it('does not depend on how pixels are parted', () => {
    const pixel = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 2 }));
    fc.assert(
      fc.property(fc.array(pixel), fc.nat(50), (pixels, cut) => {
        const [whole, parted] = [new ConfusionMatrix(3), new ConfusionMatrix(3)];
        const add = (matrix: ConfusionMatrix, part: typeof pixels): void =>
          matrix.add(
            part.map(([truth]) => truth),
            part.map(([, predicted]) => predicted),
          );
        add(whole, pixels);
        add(parted, pixels.slice(0, cut));
        add(parted, pixels.slice(cut));
        expect(parted.counts).toEqual(whole.counts);
      }),
    );
  });

  it('equals the one that Python makes (scikit-learn where it is there, else numpy)', { timeout: 15 * 60_000 }, () => {
    const classes = 5;
    const value = (place: number, factor: number, range: number): number => (Math.imul(place + 1, factor) >>> 7) % range;
    const truth = Array.from({ length: 3000 }, (_, place) => value(place, 0x9e3779b1, classes + 1));
    const predicted = Array.from({ length: 3000 }, (_, place) => value(place, 0x85ebca6b, classes));
    const matrix = new ConfusionMatrix(classes);
    matrix.add(truth, predicted);
    const script = join(import.meta.dirname, 'support/confusion.py');
    const { status, stdout, stderr } = spawnSync(interpreter(), [script], {
      encoding: 'utf8',
      input: JSON.stringify({ truth, predicted, classes }),
    });
    expect(status, stderr).toBe(0);
    const python = JSON.parse(stdout) as { matrix: number[][]; iou: number[]; mean: number };
    expect([...matrix.counts]).toEqual(python.matrix.flat());
    const { iou, meanIoU } = matrix.score();
    iou.forEach((each, label) => expect(each).toBeCloseTo(python.iou[label]!, 12));
    expect(meanIoU).toBeCloseTo(python.mean, 12);
  });
});

/** The environment with scikit-learn if somebody has made it already, else the one that every test has. */
function interpreter(): string {
  const parity = join(import.meta.dirname, '../../../.venv-parity/bin/python');
  return existsSync(parity) ? parity : pythonEnv();
}

describe('highest', () => {
  it('is the first of the highest values', () => {
    expect([...highest(Float32Array.of(1, 3, 2, 5, 5, 1), 3)]).toEqual([1, 0]);
  });
});

import { useBackend } from '@nncf/backend';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeBoxes, encodeBox } from '../src/ssd/box-coder.ts';
import { cornersOf, overlap } from '../src/ssd/boxes.ts';
import { anchorsOf, matchAnchors, type AnchorTargets } from '../src/ssd/matching.ts';
import { mineHardNegatives } from '../src/ssd/mining.ts';
import { multiboxLoss } from '../src/ssd/multibox-loss.ts';
import { smoothL1 } from '../src/ssd/box-loss.ts';
import { focalDetectionLoss, focalLoss } from '../src/ssd/focal-loss.ts';
import { selectDetections, selectionOf, suppress } from '../src/ssd/selection.ts';
import { randomNumbers } from './support/random.ts';

beforeAll(async () => {
  await useBackend({ quiet: true });
});

function objects(rows: readonly (readonly [label: number, top: number, left: number, bottom: number, right: number, ignored?: number])[]): {
  boxes: Float32Array;
  labels: Int32Array;
  ignored: Uint8Array;
} {
  return {
    boxes: Float32Array.from(rows.flatMap((row) => row.slice(1, 5) as number[])),
    labels: Int32Array.from(rows, ([label]) => label),
    ignored: Uint8Array.from(rows, (row) => row[5] ?? 0),
  };
}

function close(actual: ArrayLike<number>, expected: readonly number[], digits = 5): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, place) => expect(actual[place]).toBeCloseTo(value, digits));
}

describe('boxes', () => {
  it('overlap by intersection over union', () => {
    const boxes = [0, 0, 2, 2, 1, 1, 3, 3, 2, 2, 4, 4, 1, 1, 1, 1];
    expect([overlap(boxes, 0, boxes, 0), overlap(boxes, 0, boxes, 1), overlap(boxes, 0, boxes, 2)]).toEqual([1, 1 / 7, 0]);
    expect(overlap(boxes, 3, boxes, 3)).toBe(0);
    close(cornersOf(Float32Array.of(0.5, 0.4, 0.2, 0.6)), [0.4, 0.1, 0.6, 0.7]);
  });

  it('are encoded as shift in anchors and logarithm of size, with the variances 0.1 and 0.2', () => {
    const target = new Float32Array(4);
    encodeBox(Float32Array.of(0.3, 0.2, 0.7, 0.4), 0, Float32Array.of(0.4, 0.4, 0.2, 0.4), 0, target);
    close(target, [(0.5 - 0.4) / 0.2 / 0.1, (0.3 - 0.4) / 0.4 / 0.1, Math.log(2) / 0.2, Math.log(0.5) / 0.2]);
  });

  it('come back from their encodings', async () => {
    const random = randomNumbers(3);
    const count = 20;
    const anchors = Float32Array.from({ length: 4 * count }, () => 0.2 + 0.6 * random());
    const boxes = cornersOf(Float32Array.from({ length: 4 * count }, () => 0.1 + 0.5 * random()));
    const encodings = new Float32Array(4 * count);
    for (let place = 0; place < count; place++) {
      const one = new Float32Array(4 * count);
      encodeBox(boxes.subarray(4 * place), 0, anchors, place, one);
      encodings.set(one.subarray(4 * place, 4 * place + 4), 4 * place);
    }
    const decoded = decodeBoxes(tf.tensor3d(encodings, [1, count, 4]), tf.tensor2d(anchors, [count, 4]));
    expect(decoded.shape).toEqual([1, count, 4]);
    close(await decoded.data(), [...boxes], 4);
  });
});

describe('matchAnchors', () => {
  // Four squares of side ¼ in a row.
  const anchors = anchorsOf(Float32Array.from([0.125, 0.375, 0.625, 0.875].flatMap((x) => [0.125, x, 0.25, 0.25])));

  it('gives an object every anchor that overlaps by half, the boundary included, and its best one in any case', () => {
    // The first covers anchor 1 and half of anchor 0, which is a quarter of what the two cover; the second is a speck in anchor 3.
    const { labels } = matchAnchors(
      objects([
        [3, 0, 0.125, 0.25, 0.5],
        [5, 0, 0.8, 0.05, 0.85],
      ]),
      anchors,
    );
    expect([...labels]).toEqual([0, 3, 0, 5]);
    const half = matchAnchors(objects([[2, 0, 0.25, 0.25, 0.75]]), anchors);
    expect([...half.labels]).toEqual([0, 2, 2, 0]);
  });

  it('gives an anchor to the object that it overlaps best', () => {
    const { labels, encodings } = matchAnchors(
      objects([
        [1, 0, 0.25, 0.25, 0.52],
        [2, 0, 0.25, 0.25, 0.5],
      ]),
      anchors,
    );
    // Both like anchor 1 best; the second fits it exactly, the first takes the next.
    expect([...labels]).toEqual([0, 2, 1, 0]);
    close(encodings.subarray(4, 8), [0, 0, 0, 0]);
    expect(encodings.subarray(0, 4)).toEqual(new Float32Array(4));
  });

  it('gives nothing for objects that no anchor touches, and for none', () => {
    expect([...matchAnchors(objects([[1, 0.8, 0.8, 0.9, 0.9]]), anchors).labels]).toEqual([0, 0, 0, 0]);
    expect([...matchAnchors(objects([]), anchors).labels]).toEqual([0, 0, 0, 0]);
  });

  it('asks for no answer where an object does not count', () => {
    const { labels } = matchAnchors(
      objects([
        [1, 0, 0, 0.25, 0.25],
        [2, 0, 0.75, 0.25, 1, 1],
      ]),
      anchors,
    );
    expect([...labels]).toEqual([1, 0, 0, -1]);
  });

  it('every object that touches an anchor has one of its own, and every other anchor a good one', () => {
    const places = Array.from({ length: 49 }, (_, place) => place);
    const grid = anchorsOf(
      Float32Array.from(places.flatMap((place) => [(Math.floor(place / 7) + 0.5) / 7, ((place % 7) + 0.5) / 7, 0.2, 0.2])),
    );
    // Large enough to touch four anchors.
    const side = fc.double({ min: 0.15, max: 0.5, noNaN: true });
    const box = fc.tuple(side, side, side, side).map(([y, x, height, width]) => [1, y, x, y + height, x + width] as const);
    fc.assert(
      fc.property(fc.array(box, { minLength: 1, maxLength: 4 }), (rows) => {
        const found = objects(rows);
        const { labels } = matchAnchors(found, grid);
        expect(labels.filter((label) => label > 0).length).toBeGreaterThanOrEqual(rows.length);
        const best = (anchor: number): number => Math.max(...rows.map((_, object) => overlap(found.boxes, object, grid.corners, anchor)));
        labels.forEach((label, anchor) => {
          if (best(anchor) >= 0.5) expect(label).toBe(1);
        });
        expect([...labels.keys()].filter((anchor) => labels[anchor] === 1 && best(anchor) < 0.5).length).toBeLessThanOrEqual(rows.length);
      }),
      { numRuns: 50 },
    );
  });
});

describe('mineHardNegatives', () => {
  it('takes three times as many anchors without an object as with one, the hardest, in each picture', () => {
    const labels = Int32Array.of(2, 0, 0, 0, 0, -1, /**/ 0, 0, 0, 0, 0, 0);
    const losses = [0.1, 0.5, 0.2, 0.9, 0.3, 5, /**/ 9, 9, 9, 9, 9, 9];
    expect([...mineHardNegatives(losses, labels, 6)]).toEqual([1, 1, 0, 1, 1, 0, /**/ 0, 0, 0, 0, 0, 0]);
    expect([...mineHardNegatives(losses, labels, 6, 1)]).toEqual([1, 0, 0, 1, 0, 0, /**/ 0, 0, 0, 0, 0, 0]);
  });

  it('takes all where there are fewer', () => {
    expect([...mineHardNegatives([1, 1, 1], Int32Array.of(1, 1, 0), 3)]).toEqual([1, 1, 1]);
  });
});

describe('smooth L1', () => {
  it('has the slope of its argument, held within one; at 0 and ±1 too', async () => {
    const x = tf.tensor1d([-3, -1, -0.5, 0, 0.25, 1, 2]);
    close(await smoothL1(x).data(), [2.5, 0.5, 0.125, 0, 0.03125, 0.5, 1.5]);
    close(
      await tf
        .grad((value) => tf.sum(smoothL1(value)))(x)
        .data(),
      [-1, -1, -0.5, 0, 0.25, 1, 1],
    );
  });
});

describe('multiboxLoss', () => {
  const targets: AnchorTargets[] = [
    { labels: Int32Array.of(1, 0, 0, -1), encodings: Float32Array.of(0.5, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
    { labels: Int32Array.of(0, 0, 0, 0), encodings: new Float32Array(16) },
  ];
  const logits = [
    [1, 2],
    [0, 0],
    [3, 0],
    [9, -9],
    [0, 5],
    [0, 5],
    [0, 5],
    [0, 5],
  ];

  const loss = (scoring: 'softmax' | 'sigmoid', negativeRatio?: number): ((encodings: tf.Tensor, values: tf.Tensor) => tf.Scalar) => {
    const options = { scoring, ...(negativeRatio === undefined ? {} : { negativeRatio }) };
    return (encodings, values) => multiboxLoss({ encodings: encodings as tf.Tensor3D, logits: values as tf.Tensor3D }, targets, options);
  };

  it('with softmax is cross entropy of the chosen anchors and smooth L1 of those with an object, for each object', async () => {
    const entropy = ([a = 0, b = 0]: number[], wanted: number): number => Math.log(Math.exp(a) + Math.exp(b)) - [a, b][wanted]!;
    const expected = entropy(logits[0]!, 1) + entropy(logits[1]!, 0) + entropy(logits[2]!, 0) + 0.125 + 1.5;
    const value = loss('softmax')(tf.zeros([2, 4, 4]), tf.tensor3d(logits.flat(), [2, 4, 2]));
    close(await value.data(), [expected]);
  });

  it('with sigmoid is the binary cross entropy of every class', async () => {
    const binary = (z: number, t: number): number => Math.log(1 + Math.exp(-Math.abs(z))) + Math.max(z, 0) - z * t;
    const pair = ([a = 0, b = 0]: number[], wanted: number): number => binary(a, Number(wanted === 0)) + binary(b, Number(wanted === 1));
    const expected = pair(logits[0]!, 1) + pair(logits[1]!, 0) + 0.125 + 1.5;
    const value = loss('sigmoid', 1)(tf.zeros([2, 4, 4]), tf.tensor3d(logits.flat(), [2, 4, 2]));
    close(await value.data(), [expected]);
  });

  it('has its gradients where it counts: softmax minus the right answer, and nothing for anchors that are left out', async () => {
    const [dEncodings, dLogits] = tf.grads(loss('softmax', 1))([tf.zeros([2, 4, 4]), tf.tensor3d(logits.flat(), [2, 4, 2])]);
    const p = Math.exp(2) / (Math.exp(1) + Math.exp(2));
    close(await dLogits!.data(), [1 - p, p - 1, -0.5, 0.5, ...Array.from({ length: 12 }, () => 0)]);
    close(await dEncodings!.data(), [-0.5, 0, -1, ...Array.from({ length: 29 }, () => 0)]);
  });

  it('is 0 without objects', async () => {
    const none = [targets[1]!];
    const value = multiboxLoss({ encodings: tf.ones([1, 4, 4]), logits: tf.ones([1, 4, 2]) }, none, { scoring: 'softmax' });
    expect((await value.data())[0]).toBe(0);
  });
});

describe('focal loss', () => {
  const logits = [-40, -2, 0, 1.5, 40];
  const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

  it.each([0, 1])('is weighed cross entropy of an answer of %d', async (answer) => {
    const expected = logits.map((z) => {
      const right = sigmoid(answer === 1 ? z : -z);
      return (answer === 1 ? 0.25 : 0.75) * (1 - right) ** 2 * (right < 1e-12 ? 40 : -Math.log(right));
    });
    close(await focalLoss(tf.tensor1d(logits), tf.fill([5], answer)).data(), expected);
  });

  it('has the slope of its formula, at large logits too', async () => {
    const [slope] = tf.grads((z, t) => tf.sum(focalLoss(z, t)))([tf.tensor1d(logits), tf.ones([5])]);
    // d/dz of −α (1 − p)² log p is α (1 − p)² (2 p log p − (1 − p)).
    const expected = logits.map((z) => {
      const p = sigmoid(z);
      return 0.25 * (1 - p) ** 2 * (2 * p * Math.log(Math.max(p, 1e-30)) - (1 - p));
    });
    close(await slope!.data(), expected);
  });

  it('of a picture leaves out the background class and undecided anchors, and is for each object', async () => {
    const targets: AnchorTargets[] = [
      { labels: Int32Array.of(2, 0, -1), encodings: Float32Array.of(0.5, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
    ];
    const values = tf.tensor3d([9, 0, 1, 9, -1, 0, 9, 5, 5], [1, 3, 3]);
    const focal = (z: number, right: boolean): number => {
      const p = sigmoid(right ? z : -z);
      return -(right ? 0.25 : 0.75) * (1 - p) ** 2 * Math.log(p);
    };
    const expected = focal(0, false) + focal(1, true) + focal(-1, false) + focal(0, false) + 0.125 + 1.5;
    close(await focalDetectionLoss({ encodings: tf.zeros([1, 3, 4]), logits: values }, targets).data(), [expected]);
    // Without objects it is what the background says, and finite.
    const none = [{ labels: Int32Array.of(0, 0, 0), encodings: new Float32Array(12) }];
    const background = focal(0, false) + focal(1, false) + focal(-1, false) + focal(0, false) + 2 * focal(5, false);
    close(await focalDetectionLoss({ encodings: tf.ones([1, 3, 4]), logits: values }, none).data(), [background]);
  });

  it('asks anchors between the thresholds for no answer, those that an object needs aside', () => {
    const grid = anchorsOf(Float32Array.of(0.5, 0.5, 1, 1, 0.5, 0.5, 1, 0.44, 0.5, 0.5, 1, 0.3));
    const whole = objects([[3, 0, 0, 1, 1]]);
    expect([...matchAnchors(whole, grid, { threshold: 0.5, background: 0.4 }).labels]).toEqual([3, -1, 0]);
    expect([...matchAnchors(whole, grid).labels]).toEqual([3, 0, 0]);
    const narrow = anchorsOf(Float32Array.of(0.5, 0.5, 1, 0.44, 0.5, 0.5, 1, 0.3));
    expect([...matchAnchors(whole, narrow, { threshold: 0.5, background: 0.4 }).labels]).toEqual([3, 0]);
  });
});

describe('selection', () => {
  const boxes = Float32Array.of(0, 0, 0.5, 0.5, 0, 0, 0.5, 0.45, 0.5, 0.5, 1.2, 1.2, -0.1, 0, 0.4, 0.4);

  it('keeps the surest of boxes that overlap, class by class, cut off at the edges', () => {
    const scores = Float32Array.of(0, 0.6, 0.1, 0, 0.7, 0.3, 0, 0.2, 0.9, 0, 0.005, 0);
    const found = selectDetections(boxes, scores, 3);
    expect([...found.labels]).toEqual([2, 1, 2, 1]);
    close(found.scores, [0.9, 0.7, 0.3, 0.2]);
    close(found.boxes.subarray(0, 8), [0.5, 0.5, 1, 1, 0, 0, 0.5, 0.45]);
    expect([...selectDetections(boxes, scores, 3, { limit: 2 }).labels]).toEqual([2, 1]);
  });

  it('finds nothing below the threshold', () => {
    expect(selectDetections(boxes, new Float32Array(12), 3)).toEqual({
      boxes: new Float32Array(0),
      scores: new Float32Array(0),
      labels: new Int32Array(0),
    });
  });

  it('suppresses as TensorFlow.js does', () => {
    const random = randomNumbers(11);
    for (let round = 0; round < 10; round++) {
      const edges = cornersOf(Float32Array.from({ length: 160 }, (_, place) => (place % 4 < 2 ? 0.6 * random() : 0.1 + 0.3 * random())));
      const scores = Float32Array.from({ length: 40 }, random);
      const options = { scoreThreshold: 0.2, overlapThreshold: 0.3, limit: 12 };
      const expected = tf.image.nonMaxSuppression(tf.tensor2d(edges, [40, 4]), tf.tensor1d(scores), 12, 0.3, 0.2).dataSync();
      expect(suppress(edges, scores, selectionOf(options))).toEqual([...expected]);
    }
  });
});

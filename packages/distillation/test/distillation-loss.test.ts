import { distillationLoss } from '@nncf/distillation';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';

const number = (x: tf.Tensor): number => x.dataSync()[0]!;
const near = (x: tf.Tensor, expected: readonly number[]): void => {
  const values = [...x.dataSync()];
  expect(values).toHaveLength(expected.length);
  values.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
};

/** softmax in double precision. */
function softmax(logits: readonly number[]): number[] {
  const powers = logits.map((logit) => Math.exp(logit));
  return powers.map((power) => power / powers.reduce((sum, each) => sum + each, 0));
}

const STUDENT = [
  [1, 2, -1],
  [0, 0.5, 0],
];
const TEACHER = [
  [2, 0, -1],
  [0, 0, 3],
];

describeBackends('the distillation loss', () => {
  it.each([1, 2.5])('is the divergence times T², and has its gradient, at T = %d', (temperature) => {
    const rows = STUDENT.map(
      (row, i) => [softmax(row.map((x) => x / temperature)), softmax(TEACHER[i]!.map((x) => x / temperature))] as const,
    );
    const divergence = rows.map(([q, p]) => p.reduce((sum, each, c) => sum + each * Math.log(each / q[c]!), 0));
    const [student, teacher] = [tf.tensor2d(STUDENT), tf.tensor2d(TEACHER)];
    expect(number(distillationLoss(student, teacher, { temperature }))).toBeCloseTo(
      (temperature ** 2 * (divergence[0]! + divergence[1]!)) / 2,
      5,
    );
    const [dStudent, dTeacher] = tf.grads((s, t) => distillationLoss(s!, t!, { temperature }))([student, teacher]);
    // T²·(q − p)/T, over two samples.
    near(
      dStudent!,
      rows.flatMap(([q, p]) => q.map((each, c) => ((each - p[c]!) * temperature) / 2)),
    );
    near(dTeacher!, [0, 0, 0, 0, 0, 0]);
  });

  it('is the mean squared difference', () => {
    const [student, teacher] = [tf.tensor1d([1, 2]), tf.tensor1d([0, 4])];
    expect(number(distillationLoss(student, teacher, { type: 'mse' }))).toBeCloseTo(2.5, 6);
    near(tf.grad((s) => distillationLoss(s, teacher, { type: 'mse' }))(student), [1, -2]);
  });

  it('is 0 where both agree, also far apart from 0', () => {
    const logits = tf.tensor2d([[1000, -1000, 0]]);
    for (const type of ['softmax', 'mse'] as const) expect(number(distillationLoss(logits, logits, { type }))).toBe(0);
  });

  it('takes outputs of any rank, classes last', () => {
    const [student, teacher] = [tf.randomNormal([2, 3, 3, 4], 0, 1, 'float32', 1), tf.randomNormal([2, 3, 3, 4], 0, 1, 'float32', 2)];
    const flat = distillationLoss(tf.reshape(student, [18, 4]), tf.reshape(teacher, [18, 4]));
    expect(number(distillationLoss(student, teacher))).toBeCloseTo(number(flat), 5);
  });

  it('refuses what does not fit', () => {
    const x = tf.zeros([2, 3]);
    expect(() => distillationLoss(x, tf.zeros([2, 4]))).toThrow(/have the shape \[2, 3\], the teacher's outputs \[2, 4\]/);
    for (const temperature of [0, -1, Number.NaN, Infinity])
      expect(() => distillationLoss(x, x, { temperature })).toThrow(expect.objectContaining({ code: 'DISTILLATION_INVALID' }) as Error);
  });
});

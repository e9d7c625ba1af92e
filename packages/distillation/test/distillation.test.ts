import { createCompressionAlgorithm, registerAlgorithm } from '@nncf/core';
import { Distillation, distillationLoss, frozenCopy } from '@nncf/distillation';
import { fakeAlgorithm, smallSequential } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, expect, it } from 'vitest';

const images = (count = 4): tf.Tensor => tf.randomNormal([count, 8, 8, 3], 0, 1, 'float32', 7);
const labels = (): tf.Tensor => tf.oneHot(tf.tensor1d([0, 1, 2, 3], 'int32'), 5);
const values = (x: tf.Tensor): number[] => [...x.dataSync()];
const answers = (model: tfl.LayersModel): number[] => values(model.predict(images()) as tf.Tensor);
const crossEntropy = (y: tf.Tensor, logits: tf.Tensor): tf.Tensor => tf.losses.softmaxCrossEntropy(y, logits);

beforeAll(() => registerAlgorithm(fakeAlgorithm('fake')));

describeBackends('a frozen copy', () => {
  it('answers as the model did, whatever becomes of that', async () => {
    const model = smallSequential();
    const before = answers(model);
    const copy = await frozenCopy(model);
    expect(answers(copy)).toEqual(before);
    const algo = await createCompressionAlgorithm(model, { compression: { algorithm: 'fake', factor: 2 } });
    // A copy of a compressed model is the author's model too.
    const late = await frozenCopy(model);
    expect(answers(late)).toEqual(before);
    model.compile({ optimizer: tf.train.sgd(0.5), loss: 'categoricalCrossentropy' });
    await model.fit(images(), labels(), { epochs: 1, batchSize: 4, verbose: 0 });
    expect(answers(model)).not.toEqual(before);
    for (const each of [copy, late]) {
      expect(answers(each)).toEqual(before);
      each.dispose();
    }
    algo.remove();
  });

  it('has no part in minimize without a list of variables', async () => {
    const model = smallSequential();
    const copy = await frozenCopy(model);
    const before = answers(copy);
    const distillation = new Distillation(copy);
    tf.train.sgd(0.5).minimize(() => {
      const logits = model.apply(images(), { training: true }) as tf.Tensor;
      return tf.add(crossEntropy(labels(), logits), distillation.loss(images(), logits)) as tf.Scalar;
    });
    expect(answers(copy)).toEqual(before);
    copy.dispose();
  });
});

describeBackends('distillation', () => {
  it('draws a compressed student to its teacher', async () => {
    const model = smallSequential({ rate: 0 });
    const teacher = await frozenCopy(model);
    const algo = await createCompressionAlgorithm(model, { compression: { algorithm: 'fake', factor: 0.5 } });
    const distillation = new Distillation(teacher, { type: 'mse' });
    const optimizer = algo.optimizer(tf.train.adam(0.01));
    const x = images();
    const step = (): number => {
      const loss = optimizer.minimize(() => distillation.loss(x, model.apply(x, { training: true }) as tf.Tensor), true);
      return loss?.dataSync()[0] ?? Number.NaN;
    };
    const first = step();
    const { numTensors } = tf.memory();
    const last = Array.from({ length: 15 }, step).at(-1)!;
    expect(last).toBeLessThan(0.5 * first);
    // Each loss that was read is one tensor.
    expect(tf.memory().numTensors).toBe(numTensors + 15);
    algo.remove();
    teacher.dispose();
  });

  it('weighs', () => {
    const [x, student] = [tf.tensor2d([[1, 2]]), tf.tensor2d([[3, 0]])];
    const teacher = (batch: tf.Tensor): tf.Tensor => tf.mul(batch, 2);
    const plain = values(distillationLoss(student, tf.tensor2d([[2, 4]]), { temperature: 3 }))[0]!;
    expect(values(new Distillation(teacher, { temperature: 3, weight: 0.25 }).loss(x, student))[0]).toBeCloseTo(0.25 * plain, 6);
    expect(values(new Distillation(teacher, { weight: 0 }).loss(x, student))).toEqual([0]);
  });

  it('gives the student’s gradient alone', () => {
    const x = tf.tensor2d([[1, 2]]);
    const distillation = new Distillation((batch) => tf.square(batch), { type: 'mse' });
    // d/dx mean (x − c)², c = x² taken for a constant: x − x².
    expect(values(tf.grad((x: tf.Tensor) => distillation.loss(x, x))(x))).toEqual([0, -2]);
  });

  it('works in fit through labels, with the same gradients', async () => {
    const model = tfl.sequential({ layers: [tfl.layers.dense({ units: 3, inputShape: [2], name: 'logits' })] });
    const x = tf.tensor2d([
      [1, 2],
      [-1, 0.5],
    ]);
    const y = tf.oneHot(tf.tensor1d([0, 2], 'int32'), 3);
    const distillation = new Distillation(
      (batch) =>
        tf.matMul(
          batch as tf.Tensor2D,
          tf.tensor2d([
            [1, 0, -1],
            [2, -1, 0],
          ]),
        ),
      { weight: 3 },
    );
    const kernel = model.weights[0]!.read() as tf.Variable;
    const outputs = (): tf.Tensor => model.apply(x, { training: true }) as tf.Tensor;
    const gradient = (loss: () => tf.Tensor): number[] => values(tf.variableGrads(() => loss() as tf.Scalar, [kernel]).grads[kernel.name]!);
    const both = gradient(() => tf.add(crossEntropy(y, outputs()), distillation.loss(x, outputs())));
    const mixed = gradient(() => tf.mul(crossEntropy(distillation.labels(x, y), outputs()), 4));
    mixed.forEach((value, i) => expect(value).toBeCloseTo(both[i]!, 5));
    model.compile({ optimizer: tf.train.adam(0.1), loss: (labels: tf.Tensor, logits: tf.Tensor) => crossEntropy(labels, logits) });
    const { history } = await model.fit(x, distillation.labels(x, y), { epochs: 10, verbose: 0 });
    expect(Number(history['loss']?.at(-1))).toBeLessThan(Number(history['loss']?.[0]));
  });

  it('refuses figures out of range, and a teacher of many voices', () => {
    const teacher = (batch: tf.Tensor): tf.Tensor => batch;
    const refused = expect.objectContaining({ code: 'DISTILLATION_INVALID' }) as Error;
    expect(() => new Distillation(teacher, { weight: -1 })).toThrow(refused);
    expect(() => new Distillation(teacher, { temperature: 0 })).toThrow(refused);
    for (const options of [{ temperature: 2 }, { type: 'mse' as const }])
      expect(() => new Distillation(teacher, options).labels(tf.zeros([1, 2]), tf.zeros([1, 2]))).toThrow(refused);
    expect(() => new Distillation(teacher).labels(tf.zeros([1, 2]), tf.zeros([1, 3]))).toThrow(/shape \[1, 3\]/);
    const input = tfl.input({ shape: [2] });
    const twice = tfl.model({
      inputs: input,
      outputs: [tfl.layers.activation({ activation: 'relu' }).apply(input) as tfl.SymbolicTensor, input],
    });
    expect(() => new Distillation(twice).answer(tf.zeros([1, 2]))).toThrow(/one tensor/);
  });
});

import { NncfError, type CalibrationData } from '@nncf/core';
import { smallSequential, branchedModel } from '@nncf/testing';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import { adapterFor } from '../src/graph/model-adapter.ts';
import { calibrationContext } from '../src/train/calibration.ts';

const image = (): tf.Tensor => tf.zeros([2, 8, 8, 3]);
const run = async (data: CalibrationData | undefined, model: object = smallSequential(), maxBatches = 10): Promise<number> => {
  const context = await calibrationContext({ adapter: adapterFor(model, []), observe: () => () => undefined }, data, () => undefined);
  return context.run({ maxBatches });
};

describe('calibration data', () => {
  it('may be tensors, [xs, ys], { xs, ys }, in an array or a generator', async () => {
    expect(await run([image(), image()])).toBe(2);
    expect(await run([[image(), tf.zeros([2, 5])]])).toBe(1);
    expect(await run([{ xs: image(), ys: tf.zeros([2, 5]) }])).toBe(1);
    expect(await run([[[tf.zeros([1, 8, 8, 3]), tf.zeros([1, 8, 8, 4])], [tf.zeros([1, 3])]]], branchedModel())).toBe(1);
    expect(await run([[tf.zeros([1, 8, 8, 3]), tf.zeros([1, 8, 8, 4])]], branchedModel())).toBe(1);
  });

  it('takes the tensors of a record by name, in any order', async () => {
    const xs = { b: tf.zeros([1, 8, 8, 4]), a: tf.zeros([1, 8, 8, 3]) };
    expect(await run([{ xs }], branchedModel())).toBe(1);
    await expect(run([{ xs: { a: xs.a } }], branchedModel())).rejects.toThrow(/no tensor for the input "b"/u);
  });

  it('stops at the number of batches that is asked for', async () => {
    expect(await run([image(), image(), image()], smallSequential(), 2)).toBe(2);
  });

  it('disposes what a generator gives and keeps what an array holds', async () => {
    const kept = image();
    await run([kept]);
    expect(kept.isDisposed).toBe(false);
    const given: tf.Tensor[] = [];
    const generator = function* (): Generator<tf.Tensor> {
      for (let i = 0; i < 3; i++) given.push(image());
      yield* given;
    };
    await run(generator());
    expect(given.every((tensor) => tensor.isDisposed)).toBe(true);
  });

  it('reads a data set as tf.data has it', async () => {
    const items = [{ xs: image(), ys: tf.zeros([2, 5]) }];
    const dataset: CalibrationData = {
      iterator: async () => {
        let i = 0;
        return { next: async () => (i < items.length ? { value: items[i++], done: false } : { value: undefined, done: true }) };
      },
    };
    expect(await run(dataset)).toBe(1);
  });

  it('names the batch whose shape, type or values do not fit', async () => {
    const error = async (bad: tf.Tensor): Promise<string> =>
      run([image(), image(), bad]).then(
        () => '',
        (reason: unknown) => (reason as NncfError).message,
      );
    expect(await error(tf.zeros([2, 8, 9, 3]))).toMatch(/Batch 2 .*\[2, 8, 9, 3\].* wants \[any, 8, 8, 3\]/u);
    expect(await error(tf.zeros([8, 8, 3]))).toMatch(/Batch 2 .*first axis is the batch/su);
    expect(await error(tf.zeros([2, 8, 8, 3], 'int32'))).toMatch(/Batch 2 .*holds int32.*tf\.cast\(x, 'float32'\)/su);
    expect(await error(tf.fill([2, 8, 8, 3], Number.POSITIVE_INFINITY))).toMatch(/Batch 2 .*holds Infinity at flat position 0/u);
    await expect(run([[tf.zeros([1, 8, 8, 3])]], branchedModel())).rejects.toThrow(/Batch 0 .*no tensor for the input "b"/u);
  });

  it('may have any size that the model leaves open, and indices of either type', async () => {
    const open = tfl.sequential({ layers: [tfl.layers.conv2d({ filters: 1, kernelSize: 3, inputShape: [null, null, 3] })] });
    const code = { variables: {}, call: (x: tf.Tensor) => tf.relu(x) };
    for (const model of [open, code]) {
      const subject = { adapter: adapterFor(model, [{ sample_size: [1, 8, 8, 3] }]), observe: () => () => undefined };
      const context = await calibrationContext(subject, [tf.zeros([1, 5, 7, 3]), image()], () => undefined);
      expect(await context.run({ maxBatches: 5 })).toBe(2);
    }
    const words = tfl.sequential({ layers: [tfl.layers.embedding({ inputDim: 3, outputDim: 2, inputLength: 4 })] });
    expect(await run([tf.zeros([1, 4], 'int32'), tf.zeros([1, 4], 'float32')], words)).toBe(2);
    await expect(run([tf.zeros([1, 5], 'int32')], words)).rejects.toThrow(/wants \[any, 4\]/u);
  });

  it('runs a batch several times before the next one is read, and shows what the model answers', async () => {
    const subject = { adapter: adapterFor(smallSequential(), []), observe: () => () => undefined };
    const context = await calibrationContext(subject, [image(), image()], () => undefined);
    const steps: string[] = [];
    await context.run({
      maxBatches: 5,
      passes: 2,
      beforePass: (pass, index) => void steps.push(`batch ${index} pass ${pass}`),
      onOutputs: ([output], pass) => void steps.push(`${String(output?.shape)} pass ${pass}`),
    });
    const both = (index: number): string[] => [0, 1].flatMap((pass) => [`batch ${index} pass ${pass}`, `2,5 pass ${pass}`]);
    expect(steps).toEqual([...both(0), ...both(1)]);
  });

  it.each([
    ['CALIBRATION_EMPTY', []],
    ['CALIBRATION_EMPTY', undefined],
    ['DATA_NOT_FINITE', [tf.fill([1, 8, 8, 3], Number.NaN)]],
    ['CALIBRATION_INVALID', [7 as never]],
    ['CALIBRATION_INVALID', null as never],
    ['CALIBRATION_INVALID', tf.zeros([1, 8, 8, 3]) as never],
  ])('%s', async (code, data) => {
    const error: unknown = await run(data).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NncfError);
    expect((error as NncfError).code).toBe(code);
  });
});

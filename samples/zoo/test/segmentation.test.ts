import { useBackend } from '@nncf/backend';
import { NncfError } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { countTrainable, icnet, unet, type IcnetOptions } from '../src/index.ts';

beforeAll(async () => {
  await useBackend({ quiet: true });
});

const small = { inputShape: [64, 96, 3], width: 0.25, classes: 5 } as const satisfies IcnetOptions;

/** Weights of a convolution without bias, and factor and offset of its batch normalization. */
const unit = (from: number, to: number, kernel: number): number => kernel * kernel * from * to + 2 * to;

/** Weights of a residual block; only the first of a stage has a projection. */
function block(from: number, channels: number): number {
  const branch = unit(from, channels, 1) + unit(channels, channels, 3) + unit(channels, 4 * channels, 1);
  return branch + (from === 4 * channels ? 0 : unit(from, 4 * channels, 1));
}

/** `count` residual blocks one behind the other. */
function stage(from: number, channels: number, count: number): number {
  return block(from, channels) + (count - 1) * block(4 * channels, channels);
}

describe('ICNet', () => {
  it('has the parameters of its table of layers', () => {
    const full = unit(3, 32, 3) + unit(32, 32, 3) + unit(32, 64, 3);
    const stem = unit(3, 32, 3) + unit(32, 32, 3) + unit(32, 64, 3);
    const backbone = stem + stage(64, 32, 3) + stage(128, 64, 4) + stage(256, 128, 6) + stage(512, 256, 3) + unit(1024, 256, 1);
    const fusion = unit(256, 128, 3) + unit(256, 128, 1) + unit(128, 128, 3) + unit(64, 128, 1);
    const classes = (channels: number): number => 19 * channels + 19;
    const plain = icnet({ initial: 'zeros', inputShape: [64, 64, 3], classes: 19 });
    const training = icnet({ initial: 'zeros', inputShape: [64, 64, 3], classes: 19, auxiliary: true });
    expect(countTrainable(plain)).toBe(full + backbone + fusion + classes(128));
    expect(countTrainable(training)).toBe(full + backbone + fusion + classes(128) + classes(128) + classes(256));
    expect(countTrainable(plain) / 1e6).toBeCloseTo(6.7, 1);
    plain.dispose();
    training.dispose();
  });

  it('gives a picture of logits, and two smaller ones for training', () => {
    const model = icnet({ ...small, auxiliary: true });
    const shapes = model.outputs.map(({ shape }) => shape);
    expect(shapes).toEqual([
      [null, 64, 96, 5],
      [null, 8, 12, 5],
      [null, 4, 6, 5],
    ]);
    model.dispose();
  });

  it('refuses sizes that cannot be halved five times', () => {
    expect(() => icnet({ inputShape: [360, 480, 3] })).toThrow(NncfError);
    expect(() => icnet({ inputShape: [360, 480, 3] })).toThrow(/360 × 480.*multiples of 32: it halves the picture 5 times/su);
    expect(() => unet({ inputShape: [360, 480, 3] })).toThrow(/multiples of 16/u);
  });

  it('comes back from its saved form', async () => {
    const model = icnet(small);
    const artifacts = await new Promise<tf.io.ModelArtifacts>((resolve, reject) => {
      const keep = (saved: tf.io.ModelArtifacts): Promise<tf.io.SaveResult> => {
        resolve(saved);
        return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
      };
      model.save(tf.io.withSaveHandler(keep)).catch(reject);
    });
    const loaded = await tfl.loadLayersModel(tf.io.fromMemory(artifacts));
    const x = tf.randomUniform([1, 64, 96, 3], -1, 1, 'float32', 5);
    const [y, again] = [model.predict(x) as tf.Tensor, loaded.predict(x) as tf.Tensor];
    expect(await again.data()).toEqual(await y.data());
    model.dispose();
    loaded.dispose();
  });
});

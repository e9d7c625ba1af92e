import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resolveSettings } from '../src/settings/settings.ts';

const CONFIGS = fileURLToPath(new URL('../../../configs/classification/', import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nncf-settings-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(config: string): string {
  const file = join(folder, `${Math.random()}.json`);
  writeFileSync(file, config);
  return file;
}

describe('resolveSettings', () => {
  test('reads the keys of NNCF samples', async () => {
    const config = written(`{
      // comments are fine
      "model": "resnet20", "dataset": "cifar10", "batch_size": 64, "epochs": 30, "num_classes": 10,
      "optimizer": { "type": "Adam", "base_lr": 1e-3, "schedule_type": "multistep", "steps": [10, 20], "gamma": 0.2, "weight_decay": 1e-4 },
      "distillation": { "temperature": 4, "weights": "teacher.safetensors" }
    }`);
    const settings = await resolveSettings({ config });
    expect(settings).toMatchObject({
      model: 'resnet20',
      dataset: 'cifar10',
      batchSize: 64,
      epochs: 30,
      classes: 10,
      compression: undefined,
    });
    expect(settings.optimizer).toMatchObject({ type: 'adam', weightDecay: 1e-4 });
    expect(settings.distillation).toEqual({ temperature: 4, weights: 'teacher.safetensors' });
    expect(settings.learningRate).toMatchObject({ base: 1e-3, schedule: 'multistep', milestones: [10, 20], gamma: 0.2, epochs: 30 });
  });

  test('reads a file as those of NNCF for PyTorch are', async () => {
    const config = written(`{
      "model": "mobilenet_v2", "pretrained": true, "input_info": { "sample_size": [2, 3, 224, 224] }, "num_classes": 1000,
      "batch_size": 256, "workers": 4, "multiprocessing_distributed": true, "dataset": "imagenet", "epochs": 65,
      "optimizer": {
        "type": "AdamW", "base_lr": 3e-4, "weight_decay": 1e-4, "schedule_type": "exponential", "gamma": 0.93,
        "optimizer_params": { "betas": [0.95, 0.99], "eps": 1e-6 }
      },
      "compression": [
        { "algorithm": "rb_sparsity", "sparsity_init": 0.02,
          "params": { "schedule": "multistep", "multistep_steps": [3, 5], "multistep_sparsity_levels": [0.1, 0.3, 0.52] } },
        { "algorithm": "quantization",
          "initializer": {
            "range": { "num_init_steps": 85 }, "batchnorm_adaptation": { "num_bn_adaptation_steps": 39, "num_bn_forget_steps": 1 }
          },
          "weights": { "mode": "asymmetric", "per_channel": true, "bits": 8 }, "activations": { "mode": "asymmetric", "bits": 8 } }
      ]
    }`);
    const settings = await resolveSettings({ config });
    expect(settings.optimizer).toMatchObject({ type: 'adam', decay: 'decoupled', betas: [0.95, 0.99], epsilon: 1e-6 });
    expect(settings.learningRate).toMatchObject({ schedule: 'exponential', gamma: 0.93 });
    expect(settings).toMatchObject({ dataset: 'imagenet', classes: 1000, batchSize: 256 });
  });

  test('reads the augmentation', async () => {
    const config = written(`{
      "model": "resnet18", "dataset": "imagenet",
      "preprocessing": { "flip": true, "resized_crop": { "scale": [0.2, 1] }, "colour": { "brightness": 0.4 } }
    }`);
    const { augment } = await resolveSettings({ config });
    expect(augment).toEqual({ pad: 0, flip: true, resizedCrop: { scale: [0.2, 1] }, colour: { brightness: 0.4 } });
  });

  test('the command line wins', async () => {
    const config = written('{ "model": "resnet20", "dataset": "cifar10", "epochs": 30, "optimizer": { "base_lr": 1 } }');
    const settings = await resolveSettings({ config, epochs: 2, model: 'resnet18', lr: 0.5 });
    expect(settings).toMatchObject({ model: 'resnet18', epochs: 2 });
    expect(settings.learningRate).toMatchObject({ base: 0.5, epochs: 2 });
  });

  test('the compression is handed on as it is', async () => {
    const config = written('{ "model": "demo", "dataset": "mnist", "compression": { "algorithm": "quantization" } }');
    expect((await resolveSettings({ config })).compression).toMatchObject({ compression: { algorithm: 'quantization' } });
  });

  test.each([
    ['a key that does not exist', '{ "modle": "demo" }', 'CONFIG_UNKNOWN_KEY', /\/modle.*[\s\S]*model/],
    ['an unknown key below', '{ "optimizer": { "learning_rate": 1 } }', 'CONFIG_UNKNOWN_KEY', /\/optimizer\/learning_rate/],
    ['a wrong type', '{ "batch_size": "many" }', 'CONFIG_INVALID', /\/batch_size/],
    ['a value out of range', '{ "criterion": { "label_smoothing": 2 } }', 'CONFIG_INVALID', /\/criterion\/label_smoothing/],
    ['an unknown optimizer', '{ "optimizer": { "type": "lion" } }', 'CONFIG_INVALID', /\/optimizer\/type/],
    ['text that is not JSON', '{ "model": ', 'CONFIG_SYNTAX', /:1:/],
    ['no model', '{ "dataset": "mnist" }', 'CONFIG_INVALID', /--model/],
  ])('%s is an error that says where', async (_, text, code, message) => {
    await expect(resolveSettings({ config: written(text) })).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('a file that is not there is named', async () => {
    await expect(resolveSettings({ config: join(folder, 'none.json') })).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining('none.json'),
    });
  });

  test('every configuration of the repository is accepted', async () => {
    const files = (await readdir(CONFIGS, { recursive: true })).filter((name) => name.endsWith('.json'));
    expect(files.length).toBeGreaterThan(2);
    for (const name of files) await expect(resolveSettings({ config: join(CONFIGS, name) })).resolves.toHaveProperty('model');
  });
});

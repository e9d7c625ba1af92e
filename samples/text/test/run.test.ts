import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import { parseConfig } from '@nncf/core';
import { silentProgress, type Mode } from '@nncf/sample-training';
import { bert, bertEncoder, loadWeights, saveWeights, weightNames } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, type RunResult } from '../src/run/run.ts';
import { resolveSettings, type Flags, type Settings } from '../src/settings/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'nncf-text-run-'));
const at = (name: string): string => join(folder, name);
let lines: string[] = [];

const TINY = {
  model: 'bert_tiny',
  model_params: { layers: 1, width: 8, heads: 2, positions: 24, dropout: 0 },
  preprocessing: { max_length: 12, pad_to: 'longest', vocabulary: 'vocab.txt' },
  batch_size: 4,
  epochs: 1,
  optimizer: { type: 'Adam', base_lr: 0.02, schedule_type: 'linear', warmup_epochs: 0.5, weight_decay: 0.01, decay: 'decoupled' },
};
const INT8 = {
  algorithm: 'quantization',
  initializer: { range: { num_init_samples: 8 } },
  ignored_scopes: ['{re}attention\\.self\\.scores/Add_0'],
};

beforeAll(async () => {
  await useBackend({ quiet: true });
  writeFileSync(at('vocab.txt'), '[PAD]\n[UNK]\n[CLS]\n[SEP]\ngood\nbad\nfilm\nwho\nis\nhere\nann\nbob\n.\n');
  const row = (label: number): string => `${label}\t${['bad', 'good'][label]!} film .`;
  const table = (rows: number): string => ['label\tsentence', ...Array.from({ length: rows }, (_, i) => row(i % 2))].join('\n');
  writeFileSync(at('train.tsv'), table(16));
  writeFileSync(at('dev.tsv'), table(6));
  const question = (id: string, name: string): object => ({
    context: `${name} is here. film film.`,
    qas: [{ id, question: 'who is here', answers: [{ text: name, answer_start: 0 }] }],
  });
  const squad = { data: [{ paragraphs: [question('1', 'ann'), question('2', 'bob')] }] };
  for (const part of ['train', 'dev']) writeFileSync(at(`${part}-v1.1.json`), JSON.stringify(squad));
  config('float', { ...TINY, dataset: 'sst2' });
  config('int8', { ...TINY, dataset: 'sst2', compression: INT8 });
  const preprocessing = { ...TINY.preprocessing, max_length: 16, pad_to: 'length', stride: 4, question_length: 4 };
  config('answers', { ...TINY, dataset: 'squad', batch_size: 2, preprocessing, compression: INT8 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function config(name: string, content: object): void {
  writeFileSync(at(`${name}.json`), JSON.stringify(content));
}

async function execute(mode: Mode, name: string, flags: Flags = {}): Promise<RunResult> {
  lines = [];
  const settings = await resolveSettings({ config: at(`${name}.json`), data: folder, logDir: at(`log-${name}`), ...flags });
  return run(mode, settings, { say: (line) => void lines.push(line), progress: silentProgress });
}

describe('run', () => {
  test('trains a classifier, whose INT8 copy starts from its weights, agrees with ONNX Runtime and leaves no tensor', async () => {
    const float = await execute('train', 'float', { epochs: 8, evaluateEvery: 8 });
    expect(float.score!.main).toBe(1);
    expect(lines).toContain('TensorFlow.js: accuracy 100.00 % of 6 texts');
    const before = tf.memory().numTensors;
    const result = await execute('train', 'int8', { weights: at('log-float/best.safetensors'), toOnnx: at('int8.onnx') });
    expect(tf.memory().numTensors).toBe(before);
    expect([result.score!.main, result.onnxScore!.main]).toEqual([1, 1]);
    expect(result.onnxScore!.predictions).toEqual(['negative', 'positive', 'negative', 'positive', 'negative', 'positive']);
    expect(lines).toContain('the same answer in both: 100.00 %');
  });

  test('goes on from a checkpoint to the end of a run that never stopped, dropout included', async () => {
    config('dropout', { ...TINY, dataset: 'sst2', model_params: { ...TINY.model_params, dropout: 0.3 }, compression: INT8 });
    const epochs = (): string[] => lines.filter((line) => line.startsWith('epoch 2')).map((line) => line.replace(/, \d+ s/, ''));
    const whole = await execute('train', 'dropout', { epochs: 2, schedule: 'constant' });
    const [second] = epochs();
    await execute('train', 'dropout', { epochs: 1, schedule: 'constant', logDir: at('log-halves') });
    const halves = await execute('train', 'dropout', { epochs: 2, schedule: 'constant', logDir: at('log-halves'), resume: true });
    expect(epochs()).toEqual([second]);
    expect(halves.score).toEqual(whole.score);
    const tested = await execute('test', 'dropout', { resume: true });
    expect(tested.score).toEqual(whole.score);
  });

  test('answers questions, from windows of the passage', async () => {
    const result = await execute('train', 'answers', { epochs: 30, evaluateEvery: 30, toOnnx: at('answers.onnx') });
    expect(result.score!.main).toBeGreaterThan(0.5);
    expect(result.onnxScore!.predictions).toEqual(result.score!.predictions);
    expect(lines.some((line) => /^TensorFlow\.js: F1 .* %, exact match .* % of 2 questions$/.test(line))).toBe(true);
  });

  test('exports to the log folder without training data', async () => {
    const { onnxFile, onnxScore, score } = await execute('export', 'float', { trainSize: 1 });
    expect([onnxFile, score]).toEqual([at('log-float/model.onnx'), undefined]);
    expect(onnxScore!.predictions).toHaveLength(6);
    expect((await stat(onnxFile!)).size).toBeGreaterThan(0);
  });

  test('starts from weights of an encoder alone, and leaves frozen layers as they are', async () => {
    const { model_params: size } = TINY;
    const encoder = bertEncoder(bert({ ...size, vocabulary: 13, length: null, seed: 9 }));
    await saveWeights(encoder, at('encoder.safetensors'));
    config('frozen', { ...TINY, dataset: 'sst2', model_params: { ...size, frozen: ['embeddings'] } });
    await execute('train', 'frozen', { weights: at('encoder.safetensors') });
    const found = bertEncoder(bert({ ...size, vocabulary: 13, length: null }));
    await loadWeights(found, at('log-frozen/final.safetensors'), { allowExtra: true });
    const difference = (name: string): number => {
      const place = weightNames(encoder).indexOf(name);
      return tf.tidy(() => tf.max(tf.abs(tf.sub(encoder.getWeights()[place]!, found.getWeights()[place]!))).dataSync()[0]!);
    };
    // The file of final weights is in half precision.
    expect(difference('embeddings.word_embeddings.embeddings')).toBeLessThan(1e-4);
    expect(difference('encoder.layer.0.output.dense.kernel')).toBeGreaterThan(1e-3);
  });

  test.each<[string, Flags, RegExp]>([
    ['an unknown model', { model: 'bort' }, /no model called bort/],
    ['an unknown dataset', { dataset: 'imdb' }, /no dataset called imdb/],
    ['weights that are not there', { weights: at('nowhere') }, /nowhere/],
    ['a vocabulary that is not there', { vocabulary: 'words.txt' }, /words\.txt/],
  ])('refuses %s', async (_, flags, message) => {
    await expect(execute('test', 'float', flags)).rejects.toThrow(message);
  });
});

describe('configurations', () => {
  const shipped = join(import.meta.dirname, '../../../configs/text');
  test.each(['bert_minilm_l3_sst2', 'bert_minilm_l3_sst2_int8', 'bert_base_chinese_xnli_int8', 'bert_large_squad_int8'])(
    '%s is understood, and runs on a small network',
    async (name) => {
      const settings = await resolveSettings({ config: join(shipped, `${name}.json`) });
      expect(parseConfig(settings.compression ?? {}).sections).toHaveLength(name.endsWith('int8') ? 1 : 0);
      expect(settings.optimizer).toMatchObject({ type: 'adam', decay: 'decoupled' });
      const small: Settings = {
        ...settings,
        network: TINY.model_params,
        weights: undefined,
        data: folder,
        dataset: settings.dataset === 'squad' ? 'squad' : 'sst2',
        vocabulary: 'vocab.txt',
        length: 24,
        windows: { length: 24, stride: 4, questionLength: 4 },
        batchSize: 2,
        epochs: 1,
        trainSize: 4,
        logDir: at(name),
        compression: settings.compression && { ...settings.compression, input_info: [1, 2, 3].map(() => ({ sample_size: [1, 24] })) },
      };
      const result = await run('train', small, { say: () => undefined, progress: silentProgress });
      expect(result.score!.predictions.length).toBeGreaterThan(0);
    },
  );
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTrainLog } from '../src/train/train-log.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nncf-train-log-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('openTrainLog', () => {
  test('appends epochs as rows, also after a resume', async () => {
    const dir = join(folder, 'log');
    const record = { epoch: 1, steps: 3, loss: 0.5, trainAccuracy: 0.75, rate: 0.1, score: 0.8, seconds: 2 };
    await (await openTrainLog(dir, false)).write(record);
    await (await openTrainLog(dir, true)).write({ ...record, epoch: 2, score: undefined });
    const lines = readFileSync(join(dir, 'log.csv'), 'utf8').trim().split('\n');
    expect(lines).toEqual([
      'epoch,loss,trainAccuracy,rate,score,seconds',
      '1,0.50000,0.75000,0.10000,0.80000,2.0',
      '2,0.50000,0.75000,0.10000,,2.0',
    ]);
  });

  test('what a task does not count stays empty', async () => {
    const dir = join(folder, 'regression');
    await (await openTrainLog(dir, false)).write({ epoch: 1, steps: 3, loss: 2, trainAccuracy: undefined, rate: 0.1, seconds: 1 });
    expect(readFileSync(join(dir, 'log.csv'), 'utf8')).toContain('1,2.00000,,0.10000,,1.0');
  });

  test('a folder that cannot be made is named', async () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    await expect(openTrainLog(join(file, 'log'), false)).rejects.toMatchObject({
      code: 'FILE_UNWRITABLE',
      message: expect.stringContaining('a-file'),
    });
  });
});

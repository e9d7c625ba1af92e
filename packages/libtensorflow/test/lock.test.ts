import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { withLock } from '../src/lock.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

const quick = { patience: 300, interval: 10 };
const nobody = 2 ** 22 + 1;

it('lets one in at a time', async () => {
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    inside += 1;
    most = Math.max(most, inside);
    await wait(20);
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 5 }, () => withLock(folder, work, () => {}, { patience: 5000, interval: 5 })));
  expect(most).toBe(1);
  expect(await readdir(folder)).toEqual([]);
});

it('is released when the work throws', async () => {
  await expect(
    withLock(
      folder,
      () => Promise.reject(new Error('no')),
      () => {},
      quick,
    ),
  ).rejects.toThrow('no');
  expect(
    await withLock(
      folder,
      () => Promise.resolve('in'),
      () => {},
      quick,
    ),
  ).toBe('in');
});

it('is taken over from a process that died', async () => {
  await writeFile(join(folder, 'lock'), JSON.stringify({ pid: nobody, host: hostname() }));
  expect(
    await withLock(
      folder,
      () => Promise.resolve('in'),
      () => {},
      quick,
    ),
  ).toBe('in');
});

it('is taken over from one that died while writing it, after a while', async () => {
  const path = join(folder, 'lock');
  await writeFile(path, '');
  await utimes(path, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));
  expect(
    await withLock(
      folder,
      () => Promise.resolve('in'),
      () => {},
      quick,
    ),
  ).toBe('in');
});

it.each([
  ['alive', { pid: process.pid, host: hostname() }],
  ['on another machine', { pid: nobody, host: 'elsewhere' }],
])('gives up on one that is %s', async (_, holder) => {
  await writeFile(join(folder, 'lock'), JSON.stringify(holder));
  let waited = 0;
  const attempt = withLock(
    folder,
    () => Promise.resolve('in'),
    () => (waited += 1),
    quick,
  );
  await expect(attempt).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
  expect(waited).toBe(1);
});

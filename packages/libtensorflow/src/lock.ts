import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { LibtensorflowError } from './errors.ts';
import { isAlive } from './files.ts';

/** How long another installation is waited for, and how often it is looked at, in milliseconds. */
export interface LockTimes {
  readonly patience: number;
  readonly interval: number;
}

const TIMES: LockTimes = { patience: 30 * 60_000, interval: 250 };

interface Owner {
  readonly pid: number;
  readonly host: string;
}

async function take(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    const owner: Owner = { pid: process.pid, host: hostname() };
    await file.writeFile(JSON.stringify(owner));
    await file.close();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function owner(path: string): Promise<Owner | undefined> {
  try {
    const parsed: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof parsed !== 'object' || parsed === null || !('pid' in parsed) || !('host' in parsed)) return undefined;
    return { pid: Number(parsed.pid), host: String(parsed.host) };
  } catch {
    return undefined;
  }
}

/** Milliseconds after which a lock file without a readable owner counts as left behind by a process that died while writing it. */
const UNREADABLE = 10_000;

async function age(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? 0 : Date.now() - found.mtimeMs;
}

async function isAbandoned(path: string): Promise<boolean> {
  const holder = await owner(path);
  if (holder === undefined) return (await age(path)) > UNREADABLE;
  return holder.host === hostname() && !isAlive(holder.pid);
}

/** Removes a lock whose owner died. A second lock guards this, so that nobody removes the lock of one who took it over meanwhile. */
async function breakIfAbandoned(path: string): Promise<void> {
  if (!(await isAbandoned(path))) return;
  const guard = `${path}-breaking`;
  if (!(await take(guard))) {
    if ((await age(guard)) > UNREADABLE) await rm(guard, { force: true });
    return;
  }
  if (await isAbandoned(path)) await rm(path, { force: true });
  await rm(guard, { force: true });
}

/**
 * Runs `work` while holding the lock of a folder. Waits for another process's; takes over the lock of one that died.
 *
 * @throws LibtensorflowError `LOCK_TIMEOUT` where the other one does not finish.
 */
export async function withLock<T>(folder: string, work: () => Promise<T>, onWait: () => void, times: LockTimes = TIMES): Promise<T> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'lock');
  const until = Date.now() + times.patience;
  let told = false;
  while (!(await take(path))) {
    await breakIfAbandoned(path);
    if (!told) onWait();
    told = true;
    if (Date.now() > until) {
      throw new LibtensorflowError({
        code: 'LOCK_TIMEOUT',
        message: 'Another installation has not finished.',
        hint: `If there is none, remove ${path}.`,
      });
    }
    await wait(times.interval);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

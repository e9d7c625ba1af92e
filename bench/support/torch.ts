import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pythonEnv } from '../../scripts/python-env.mjs';

/** What PyTorch is to train. */
export interface TorchJob {
  readonly network: string;
  readonly batch: number;
  readonly methods: readonly string[];
  readonly threads: number;
}

/** A process in which PyTorch and NNCF for PyTorch train, a step at a time. */
export interface Torch {
  /** What runs, with versions. */
  readonly versions: string;
  /** Milliseconds of one step. */
  step(method: string): Promise<number>;
  /** Peak of the process's memory in megabytes. */
  peakMemory(): Promise<number>;
  end(): void;
}

/** Starts PyTorch; its environment (7 GB) is made on first use. */
export async function startTorch(job: TorchJob): Promise<Torch> {
  const script = fileURLToPath(new URL('../peers/torch_step.py', import.meta.url));
  const child = spawn(pythonEnv({ environment: 'parity', log: console.error }), [script], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (line: string): Promise<string> => {
    child.stdin.write(`${line}\n`);
    return nextLine(lines, child);
  };
  const versions = await ask(JSON.stringify(job));
  return {
    versions,
    step: async (method) => Number(await ask(method)),
    peakMemory: async () => Number(await ask('memory')),
    end: () => void child.stdin.write('\n'),
  };
}

async function nextLine(lines: AsyncIterator<string>, { spawnargs }: ChildProcess): Promise<string> {
  const { done, value } = await lines.next();
  if (done === true) throw new Error(`${spawnargs.join(' ')} ended early; run it alone to see why.`);
  return value;
}

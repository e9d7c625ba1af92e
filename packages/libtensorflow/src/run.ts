import { spawn } from 'node:child_process';

/** How a command is run. */
export interface RunOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Milliseconds after which it is ended. */
  readonly timeout?: number;
  /** Called with each piece of output. */
  readonly onOutput?: (text: string) => void;
}

/** How a command ended. */
export interface RunResult {
  /** Exit code; undefined where the command does not exist or was ended. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** There is no such command. */
  readonly missing: boolean;
  readonly timedOut: boolean;
}

/** Runs a command without a shell and waits for it; never throws. */
export function run(command: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const output = { stdout: '', stderr: '' };
    let timedOut = false;
    const timer =
      options.timeout === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            child.kill('SIGKILL');
          }, options.timeout);
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text;
        options.onOutput?.(text);
      });
    }
    const end = (code: number | undefined, missing: boolean): void => {
      clearTimeout(timer);
      resolve({ code, ...output, missing, timedOut });
    };
    child.on('error', () => end(undefined, true));
    child.on('close', (code) => end(code ?? undefined, false));
  });
}

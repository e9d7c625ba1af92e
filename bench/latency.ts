/** Latency of exported files in the two runtimes, all candidates in turn in one run. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-node';
import { pythonEnv } from '../scripts/python-env.mjs';

/** Milliseconds of one candidate. */
export interface Latency {
  readonly best: number;
  readonly median: number;
}

/** What OpenVINO did with one candidate. */
export interface OpenvinoLatency extends Latency {
  /** Implementation and precision of every operation it ran. */
  readonly layers: readonly (readonly [implementation: string, precision: string])[];
}

/** A file, and what OpenVINO is told about it: `{ INFERENCE_PRECISION_HINT: 'f32' }` keeps it from computing in bfloat16. */
export interface OpenvinoCandidate {
  readonly file: string;
  readonly properties?: Readonly<Record<string, string | number>>;
}

interface Report {
  readonly milliseconds: readonly number[];
  readonly layers: readonly (readonly [string, string])[];
}

/** Runs each file on random inputs, at batch 1. */
export function openvinoLatency(candidates: readonly OpenvinoCandidate[], rounds: number, threads = 1): OpenvinoLatency[] {
  const script = fileURLToPath(new URL('peers/openvino_latency.py', import.meta.url));
  const job = { rounds, threads, candidates: candidates.map(({ file, properties = {} }) => ({ file, properties })) };
  const { status, stdout, stderr } = spawnSync(pythonEnv(), [script], { input: JSON.stringify(job), encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(stderr);
  const reports = JSON.parse(stdout) as readonly Report[];
  return reports.map(({ milliseconds, layers }) => ({ ...latencyOf(milliseconds), layers }));
}

/** Runs each file on a fixed input of the given shape. */
export async function onnxRuntimeLatency(
  files: readonly string[],
  shape: readonly number[],
  rounds: number,
  threads = 1,
): Promise<Latency[]> {
  const sessions = await Promise.all(files.map((file) => ort.InferenceSession.create(file, { intraOpNumThreads: threads })));
  const times: number[][] = files.map(() => []);
  const size = shape.reduce((product, each) => product * each, 1);
  const input = new ort.Tensor(
    'float32',
    Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
    shape,
  );
  for (let round = -3; round < rounds; round++) {
    for (const [i, session] of sessions.entries()) {
      const start = performance.now();
      await session.run({ [session.inputNames[0] ?? '']: input });
      if (round >= 0) times[i]?.push(performance.now() - start);
    }
  }
  return times.map(latencyOf);
}

function latencyOf(milliseconds: readonly number[]): Latency {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  return { best: sorted[0] ?? 0, median: sorted[Math.floor(sorted.length / 2)] ?? 0 };
}

/** "0.123 / 0.130", best and median. */
export function shown({ best, median }: Latency): string {
  return `${best.toFixed(3)} / ${median.toFixed(3)}`;
}

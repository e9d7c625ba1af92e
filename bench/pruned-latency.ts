/**
 * ResNet-20 and MobileNet-v2 with 40 % of their multiply-adds pruned away, beside the same files with the filters left in as zeros: latency in ONNX Runtime, all in
 * turn in one run. The files stay in the folder given, for other runtimes.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/pruned-latency.ts [folder]
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import { createCompressionAlgorithm } from '@nncf/core';
import '@nncf/filter-pruning';
import '@nncf/onnx-exporter';
import { mobileNetV2, resnet20 } from '@nncf/zoo';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import * as ort from 'onnxruntime-node';

const ROUNDS = 60;
const FOLDER = process.argv[2] ?? 'runs/bench';
const MODELS: Record<string, () => LayersModel> = {
  'ResNet-20': () => resnet20(),
  'MobileNet-v2': () => mobileNetV2({ classes: 10, inputShape: [32, 32, 3] }),
};

await useBackend();
mkdirSync(FOLDER, { recursive: true });
console.log(`ONNX Runtime, batch 1, 1 thread: milliseconds, best and median of ${ROUNDS}, whole and pruned in turn`);
for (const [name, make] of Object.entries(MODELS)) await compare(name, make());

async function compare(name: string, model: LayersModel): Promise<void> {
  const pruning = {
    algorithm: 'filter_pruning',
    pruning_init: 0.4,
    params: { pruning_flops_target: 0.4, filters_multiple_of: 16 },
  } as const;
  const algo = await createCompressionAlgorithm(model, { compression: pruning });
  await algo.initialize();
  const [whole, pruned] = [join(FOLDER, `${name}-whole.onnx`), join(FOLDER, `${name}-pruned.onnx`)];
  await algo.exportModel(whole, { dropUnreadChannels: false });
  await algo.exportModel(pruned);
  const times = await measure([whole, pruned]);
  const [first, second] = times.map((each) => each.toSorted((a, b) => a - b)) as [number[], number[]];
  const saved = Number(algo.statistics()['filter_pruning']?.values['multiplyAddsSaved']);
  console.log(`${name}: ${(saved * 100).toFixed(1)} % of the multiply-adds saved, ${size(whole)} → ${size(pruned)} kB`);
  console.log(
    `  whole  ${first[0]?.toFixed(3)} ${first[ROUNDS / 2]?.toFixed(3)}\n  pruned ${second[0]?.toFixed(3)} ${second[ROUNDS / 2]?.toFixed(3)}`,
  );
  console.log(`  ${((first[0] ?? 0) / (second[0] ?? 1)).toFixed(2)} times faster`);
}

async function measure(files: readonly string[]): Promise<number[][]> {
  const sessions = await Promise.all(files.map((file) => ort.InferenceSession.create(file, { intraOpNumThreads: 1 })));
  const times: number[][] = files.map(() => []);
  const input = new ort.Tensor(
    'float32',
    Float32Array.from({ length: 32 * 32 * 3 }, (_, i) => Math.sin(i)),
    [1, 32, 32, 3],
  );
  for (let round = -5; round < ROUNDS; round++) {
    for (const [i, session] of sessions.entries()) {
      const start = performance.now();
      await session.run({ [session.inputNames[0] ?? '']: input });
      if (round >= 0) times[i]?.push(performance.now() - start);
    }
  }
  return times;
}

function size(file: string): number {
  return Math.round(readFileSync(file).length / 1000);
}

/**
 * ResNet-20 and MobileNet-v2 with 40 % of their multiply-adds pruned away, beside the same files with the filters left in as zeros: latency in both runtimes, all in
 * turn in one run. The files stay in the folder given.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/pruned-latency.ts [folder]
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import { createCompressionAlgorithm } from '@nncf/core';
import '@nncf/filter-pruning';
import '@nncf/onnx-exporter';
import { mobileNetV2, resnet20 } from '@nncf/zoo';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { onnxRuntimeLatency, openvinoLatency, shown, type Latency } from './latency.ts';

const ROUNDS = 200;
const SHAPE = [1, 32, 32, 3];
const FOLDER = process.argv[2] ?? 'runs/bench';
const MODELS: Record<string, () => LayersModel> = {
  'ResNet-20': () => resnet20(),
  'MobileNet-v2': () => mobileNetV2({ classes: 10, inputShape: [32, 32, 3] }),
};

await useBackend();
mkdirSync(FOLDER, { recursive: true });
console.log(`Batch 1, 1 thread: milliseconds, best / median of ${ROUNDS}, whole and pruned in turn`);
for (const [name, make] of Object.entries(MODELS)) await compare(name, make());

async function compare(name: string, model: LayersModel): Promise<void> {
  const pruning = {
    algorithm: 'filter_pruning',
    pruning_init: 0.4,
    params: { pruning_flops_target: 0.4, filters_multiple_of: 16 },
  } as const;
  const algo = await createCompressionAlgorithm(model, { compression: pruning });
  await algo.initialize();
  const files = [join(FOLDER, `${name}-whole.onnx`), join(FOLDER, `${name}-pruned.onnx`)];
  await algo.exportModel(files[0]!, { dropUnreadChannels: false });
  await algo.exportModel(files[1]!);
  const saved = Number(algo.statistics()['filter_pruning']?.values['multiplyAddsSaved']);
  console.log(`${name}: ${(saved * 100).toFixed(1)} % of the multiply-adds saved, ${files.map(size).join(' → ')} kB`);
  print('ONNX Runtime', await onnxRuntimeLatency(files, SHAPE, ROUNDS));
  const precise = { INFERENCE_PRECISION_HINT: 'f32' };
  print(
    'OpenVINO',
    openvinoLatency(
      files.map((file) => ({ file, properties: precise })),
      ROUNDS,
    ),
  );
}

function print(runtime: string, [whole, pruned]: readonly Latency[]): void {
  console.log(
    `  ${runtime}: whole ${shown(whole!)}, pruned ${shown(pruned!)}: ${(whole!.median / pruned!.median).toFixed(2)} times faster`,
  );
}

function size(file: string): number {
  return Math.round(statSync(file).size / 1000);
}

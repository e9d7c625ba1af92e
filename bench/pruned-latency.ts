/**
 * Networks with 40 % of their multiply-adds pruned away, beside the same files with the filters left in as zeros: latency in both runtimes, all in
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
import { demoConvNet, mobileNetV2, resnet18, resnet20 } from '@nncf/zoo';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { onnxRuntimeLatency, openvinoLatency, shown, type Latency } from './latency.ts';

const ROUNDS = 200;
const FOLDER = process.argv[2] ?? 'runs/bench';

interface Subject {
  readonly make: () => LayersModel;
  readonly shape: readonly number[];
  /** Filters are kept in groups of so many: as wide as the registers that the runtimes use for such a network. */
  readonly multiple: number;
}

const SUBJECTS: Readonly<Record<string, Subject>> = {
  'Demo network': { make: () => demoConvNet(), shape: [1, 28, 28, 1], multiple: 8 },
  'ResNet-20': { make: () => resnet20(), shape: [1, 32, 32, 3], multiple: 16 },
  'ResNet-18, half as wide': { make: () => resnet18({ stem: 'cifar', width: 0.5 }), shape: [1, 32, 32, 3], multiple: 16 },
  'MobileNet-v2': { make: () => mobileNetV2({ classes: 10, inputShape: [32, 32, 3] }), shape: [1, 32, 32, 3], multiple: 16 },
};

await useBackend();
mkdirSync(FOLDER, { recursive: true });
console.log(`Batch 1, 1 thread: milliseconds, best / median of ${ROUNDS}, whole and pruned in turn`);
for (const [name, subject] of Object.entries(SUBJECTS)) await compare(name, subject);

async function compare(name: string, { make, shape, multiple }: Subject): Promise<void> {
  const pruning = {
    algorithm: 'filter_pruning',
    pruning_init: 0.4,
    params: { pruning_flops_target: 0.4, filters_multiple_of: multiple },
  } as const;
  const algo = await createCompressionAlgorithm(make(), { compression: pruning });
  await algo.initialize();
  const files = [join(FOLDER, `${name}-whole.onnx`), join(FOLDER, `${name}-pruned.onnx`)];
  await algo.exportModel(files[0]!, { dropUnreadChannels: false });
  await algo.exportModel(files[1]!);
  const saved = Number(algo.statistics()['filter_pruning']?.values['multiplyAddsSaved']);
  console.log(`${name}: ${(saved * 100).toFixed(1)} % of the multiply-adds saved, ${files.map(size).join(' → ')} kB`);
  print('ONNX Runtime', await onnxRuntimeLatency(files, shape, ROUNDS));
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

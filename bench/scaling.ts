/**
 * How a training step grows with the batch, the depth and the width of a network, in floating point and compressed. Prints a table and draws it.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/scaling.ts [rounds] [plot.svg]
 */
import { writeFileSync } from 'node:fs';
import { useBackend } from '@nncf/backend';
import { resnet110, resnet20, resnet32, resnet56 } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { scalingPlot, type ScalingPoint } from './support/plot.ts';
import type { Method } from './support/methods.ts';
import { clocked, inTurn, median, type Timed } from './support/rounds.ts';
import { noiseFor, traineeOf } from './support/trainee.ts';

const METHODS: readonly Method[] = ['fp32', 'int8', 'int8+rb'];
const [rounds = '5', file = 'bench/scaling.svg'] = process.argv.slice(2);

interface Setting {
  readonly along: ScalingPoint['along'];
  readonly value: number;
  readonly make: () => LayersModel;
  readonly batch: number;
}

const SETTINGS: readonly Setting[] = [
  ...[16, 32, 64, 128, 256].map((batch) => ({ along: 'batch', value: batch, make: () => resnet20(), batch }) as const),
  ...[
    [20, () => resnet20()] as const,
    [32, () => resnet32()] as const,
    [56, () => resnet56()] as const,
    [110, () => resnet110()] as const,
  ].map(([value, make]) => ({ along: 'depth', value, make, batch: 32 }) as const),
  ...[0.5, 1, 2, 4].map((width) => ({ along: 'width', value: width, make: () => resnet20({ width }), batch: 32 }) as const),
];

await useBackend();
const points: ScalingPoint[] = [];
for (const setting of SETTINGS) points.push(...(await measured(setting)));
writeFileSync(file, await scalingPlot(points));
print();
console.log(`drawn: ${file}`);

async function measured({ along, value, make, batch }: Setting): Promise<ScalingPoint[]> {
  const noise = noiseFor({ make, inputShape: [32, 32, 3], classes: 10, batch }, batch);
  const trainees = new Map<Method, Awaited<ReturnType<typeof traineeOf>>>();
  for (const method of METHODS) trainees.set(method, await traineeOf(make, method, noise));
  const candidates = new Map<string, Timed>([...trainees].map(([method, { step }]) => [method, clocked(step)]));
  const times = await inTurn(candidates, Number(rounds));
  for (const { model } of trainees.values()) model.dispose();
  tf.dispose([noise.x, noise.y]);
  return [...times].map(([method, each]) => ({ along, value, method, milliseconds: median(each) }));
}

function print(): void {
  console.log(`ResNets for CIFAR: milliseconds a step, medians of ${rounds}; depth and width at batch 32`);
  const of = (along: string, value: number, method: Method): number =>
    points.find((point) => point.along === along && point.value === value && point.method === method)?.milliseconds ?? Number.NaN;
  console.table(
    SETTINGS.map(({ along, value }) => {
      const [fp32, int8, both] = METHODS.map((method) => of(along, value, method)) as [number, number, number];
      return {
        along,
        value,
        fp32: fp32.toFixed(1),
        int8: int8.toFixed(1),
        'int8+rb': both.toFixed(1),
        'int8 / fp32': (int8 / fp32).toFixed(2),
      };
    }),
  );
}

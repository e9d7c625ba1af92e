import { Command } from 'commander';
import { useBackend } from '@nncf/backend';
import { loadCifar10 } from '@nncf/datasets';
import { loadWeights, mobileNetV2, saveWeights } from '@nncf/zoo';
import { slimMobileNet } from '../slim/slim-mobilenet.ts';

interface SlimFlags {
  readonly weights: string;
  readonly output: string;
  readonly width: number;
  readonly seed: number;
}

/** The command `slim`: a narrow MobileNet-v2 for CIFAR-10 that starts from the published one. */
export function slimCommand(): Command {
  return new Command('slim')
    .description('start a narrow MobileNet-v2 for CIFAR-10 from the strongest channels of a wide one without batch normalization')
    .requiredOption('--weights <file>', 'mobilenet_v2_1.0_224.safetensors')
    .requiredOption('--output <file>', 'weights to write')
    .option('--width <factor>', 'of the narrow network', Number, 0.5)
    .option('--seed <n>', 'of the new classifier', Number, 0)
    .action(execute);
}

async function execute({ weights, output, width, seed }: SlimFlags): Promise<void> {
  await useBackend();
  const { train } = await loadCifar10();
  const wide = mobileNetV2({ variant: 'cifar', classes: 1000, batchNorm: false, initial: 'zeros' });
  await loadWeights(wide, weights);
  const narrow = mobileNetV2({ variant: 'cifar', width, seed });
  await slimMobileNet(wide, narrow, train);
  await saveWeights(narrow, output);
}

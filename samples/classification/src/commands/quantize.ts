import { Command, InvalidArgumentError, Option } from 'commander';
import { useBackend } from '@nncf/backend';
import type { QuantizeOptions, TargetDevice } from '@nncf/quantization';
import { progressFor } from '@nncf/sample-training';
import { quantizeRun } from '../run/quantize.ts';
import { resolveSettings } from '../settings/settings.ts';

interface QuantizeFlags {
  readonly model: string;
  readonly weights: string;
  readonly dataset: string;
  readonly data?: string;
  readonly width?: number;
  readonly seed: number;
  readonly subsetSize: number;
  readonly testSize?: number;
  readonly preset?: 'performance' | 'mixed';
  readonly targetDevice?: TargetDevice;
  readonly ignore?: string[];
  readonly biasCorrection: boolean;
  readonly smoothQuant?: number | true;
  readonly maxDrop?: number;
  readonly toOnnx?: string;
}

/** The command `quantize`: a trained network in 8 bits without training. */
export function quantizeCommand(): Command {
  return new Command('quantize')
    .description('quantize a trained network without training, and measure what it costs')
    .requiredOption('--model <name>', 'model of the zoo: resnet20, resnet8, mobilenet_v2, squeezenet1_1, …')
    .requiredOption('--weights <file>', 'safetensors file')
    .requiredOption('--dataset <name>', 'cifar10, mnist, folder, or imagenet-samples (what is not used for calibration is evaluated)')
    .option('--data <path>', 'folder of the data, or the tar file of the samples')
    .option('--width <factor>', 'factor on the channel counts', number)
    .option('--seed <n>', 'of the choice of calibration pictures', number, 0)
    .option('--subset-size <n>', 'pictures to calibrate with', number, 300)
    .option('--test-size <n>', 'pictures to evaluate on; all by default', number)
    .addOption(new Option('--preset <name>').choices(['performance', 'mixed']))
    .addOption(new Option('--target-device <name>').choices(['ANY', 'CPU', 'CPU_SPR', 'GPU', 'NPU']))
    .option('--ignore <address...>', 'operations or scopes that stay in floating point')
    .option('--no-bias-correction', 'leave the biases alone')
    .option('--smooth-quant [alpha]', 'share out the spread of channels between activations and weights', number)
    .option('--max-drop <points>', 'give quantizers back until top-1 drops by no more percentage points', number)
    .option('--to-onnx <file>', 'export, and evaluate the file')
    .action(execute);
}

async function execute(flags: QuantizeFlags): Promise<void> {
  const { model, weights, dataset, data, width, seed, toOnnx, subsetSize, testSize, maxDrop } = flags;
  const settings = await resolveSettings({ model, weights, dataset, seed, ...defined({ data, width, toOnnx }) });
  await useBackend();
  const asked = { options: optionsOf(flags), subsetSize, testSize, maxDrop: maxDrop === undefined ? undefined : maxDrop / 100 };
  await quantizeRun(settings, asked, { say: console.info, progress: progressFor() });
}

function optionsOf({ preset, targetDevice, ignore, biasCorrection, smoothQuant }: QuantizeFlags): QuantizeOptions {
  return { preset, targetDevice, biasCorrection, smoothQuant, ignoredScope: ignore === undefined ? undefined : { names: ignore } };
}

/** Without the keys that have no value. */
function defined<T extends object>(values: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('It must be a number, 0 or more.');
}

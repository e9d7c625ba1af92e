import { Command, InvalidArgumentError, Option } from 'commander';
import { useBackend } from '@nncf/backend';
import { progressFor } from '../progress.ts';
import { run, type Mode } from '../run/run.ts';
import { resolveSettings, type Flags } from '../settings/settings.ts';

const MODES: readonly Mode[] = ['train', 'test', 'export'];

/** The commands `train`, `test` and `export`, and `run --mode <mode>`, which is the one that is meant when none is named. */
export function runCommands(): Command[] {
  const named = MODES.map((mode) =>
    withFlags(new Command(mode).description(DESCRIPTIONS[mode])).action((flags: Flags) => execute(mode, flags)),
  );
  const generic = withFlags(new Command('run').description('one of the three, by --mode'))
    .addOption(new Option('--mode <mode>', 'what to do').choices(MODES).default('train'))
    .action(({ mode, ...flags }: Flags & { mode: Mode }) => execute(mode, flags));
  return [...named, generic];
}

const DESCRIPTIONS: Readonly<Record<Mode, string>> = {
  train: 'train, or fine-tune under compression',
  test: 'evaluate in TensorFlow.js, and with --to-onnx in ONNX Runtime',
  export: 'write the ONNX file and evaluate it in ONNX Runtime',
};

async function execute(mode: Mode, flags: Flags): Promise<void> {
  const settings = await resolveSettings(flags);
  await useBackend();
  await run(mode, settings, { say: console.info, progress: progressFor() });
}

function withFlags(command: Command): Command {
  return command
    .option('--config <file>', 'configuration: model, dataset, training and "compression"')
    .option('--model <name>', 'model of the zoo: resnet20, resnet18, mobilenet_v2, …')
    .option('--width <factor>', 'factor on the channel counts', positive)
    .option('--dataset <name>', 'mnist, cifar10, or folder (<data>/<split>/<class>/*.jpg)')
    .option('--data <dir>', 'folder of the data')
    .option('--weights <file>', 'safetensors file to start from')
    .option('--batch-size <n>', 'pictures in a step', positive)
    .option('--epochs <n>', 'passes over the training pictures', count)
    .option('--seed <n>', 'of initial weights, orders and augmentation', count)
    .option('--lr <rate>', 'learning rate after the warm-up', positive)
    .addOption(new Option('--optimizer <name>').choices(['sgd', 'adam', 'rmsprop']))
    .addOption(new Option('--schedule <name>', 'of the learning rate').choices(['constant', 'cosine', 'linear', 'multistep']))
    .option('--warmup <epochs>', 'epochs in which the rate grows', positive)
    .option('--weight-decay <x>', 'pull of kernels towards zero', share)
    .option('--label-smoothing <x>', 'share of a label that is spread evenly', share)
    .option('--evaluate-every <n>', 'epochs between evaluations', positive)
    .option('--log-dir <dir>', 'for the log, checkpoints and weights')
    .option('--resume [file]', 'go on from a checkpoint, by default the one in the log folder')
    .option('--to-onnx <file>', 'export, and evaluate the file');
}

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('It must be a whole number, 0 or more.');
}

function share(text: string): number {
  const value = Number(text);
  if (text !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('It must be a number from 0 to 1.');
}

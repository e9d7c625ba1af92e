import { InvalidArgumentError, Option, type Command } from 'commander';
import { LEARNING_RATE_SCHEDULES } from '../train/learning-rate.ts';

/** Adds the flags of `TrainingFlags` to a command. */
export function withTrainingFlags(command: Command): Command {
  return command
    .option('--weights <file>', 'safetensors file to start from')
    .option('--batch-size <n>', 'samples in a step', positive)
    .option('--epochs <n>', 'passes over the training data', count)
    .option('--seed <n>', 'of initial weights, orders and augmentation', count)
    .option('--lr <rate>', 'learning rate after the warm-up', positive)
    .addOption(new Option('--optimizer <name>').choices(['sgd', 'adam', 'adamw', 'rmsprop']))
    .addOption(new Option('--schedule <name>', 'of the learning rate').choices(LEARNING_RATE_SCHEDULES))
    .option('--warmup <epochs>', 'epochs in which the rate grows', positive)
    .option('--weight-decay <x>', 'pull of kernels towards zero', share)
    .option('--evaluate-every <n>', 'epochs between evaluations', positive)
    .option('--log-dir <dir>', 'for the log, checkpoints and weights')
    .option('--resume [file]', 'go on from a checkpoint, by default the one in the log folder')
    .option('--to-onnx <file>', 'export, and evaluate the file');
}

/** Parses a number above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
}

/** Parses a whole number, 0 or more. */
export function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('It must be a whole number, 0 or more.');
}

/** Parses a number from 0 to 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('It must be a number from 0 to 1.');
}

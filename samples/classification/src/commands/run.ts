import type { Command } from 'commander';
import { positive, runCommands, share } from '@nncf/sample-training';
import { run } from '../run/run.ts';
import { resolveSettings, type Flags, type Settings } from '../settings/settings.ts';

/** `train`, `test`, `export` and `run`. */
export function classificationCommands(): Command[] {
  return runCommands<Flags, Settings>({ withFlags, settings: resolveSettings, run });
}

function withFlags(command: Command): Command {
  return command
    .option('--model <name>', 'model of the zoo: resnet20, resnet18, mobilenet_v2, …')
    .option('--width <factor>', 'factor on the channel counts', positive)
    .option('--dataset <name>', 'mnist, cifar10, imagenet, or folder (<data>/<split>/<class>/*.jpg)')
    .option('--data <dir>', 'folder of the data')
    .option('--label-smoothing <x>', 'share of a label that is spread evenly', share);
}

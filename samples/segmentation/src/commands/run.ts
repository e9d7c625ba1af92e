import type { Command } from 'commander';
import { count, positive, runCommands } from '@nncf/sample-training';
import { run } from '../run/run.ts';
import { resolveSettings, type Flags, type Settings } from '../settings/settings.ts';

/** `train`, `test`, `export` and `run`. */
export function segmentationCommands(): Command[] {
  return runCommands<Flags, Settings>({
    withFlags,
    settings: resolveSettings,
    run,
  });
}

function withFlags(command: Command): Command {
  return command
    .option('--model <name>', 'unet or icnet')
    .option('--width <factor>', 'factor on the channel counts', positive)
    .option('--dataset <name>', 'camvid')
    .option('--data <path>', 'folder of the data, or a tar file of it')
    .option('--pictures <dir>', 'draw masks beside pictures of the test part')
    .option('--picture-count <n>', 'how many of them', count)
    .option('--float-weights <file>', 'weights of the uncompressed network, to be drawn beside the compressed one');
}

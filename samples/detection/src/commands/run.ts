import type { Command } from 'commander';
import { count, positive, runCommands } from '@nncf/sample-training';
import { run } from '../run/run.ts';
import { resolveSettings, type Flags, type Settings } from '../settings/settings.ts';

/** `train`, `test`, `export` and `run`. */
export function detectionCommands(): Command[] {
  return runCommands<Flags, Settings>({
    withFlags,
    settings: resolveSettings,
    run,
    descriptions: { export: 'write an ONNX file that gives boxes, and evaluate it in ONNX Runtime' },
  });
}

function withFlags(command: Command): Command {
  return command
    .option('--model <name>', 'ssd300_vgg, ssd512_vgg, ssd300_mobilenet_v1, ssd512_mobilenet_v1')
    .option('--width <factor>', 'factor on the channel counts', positive)
    .option('--dataset <layout>', 'voc or coco')
    .option('--data <path>', 'folder of the data, or a tar archive of it')
    .option('--train-split <name>', 'trainval, train2017')
    .option('--test-split <name>', 'test, val2017')
    .option('--pictures <dir>', 'draw boxes on pictures of the test data')
    .option('--picture-count <n>', 'how many', count)
    .option('--float-weights <file>', 'draw the boxes of the uncompressed network with these weights beside them');
}

import { Option, type Command } from 'commander';
import { positive, runCommands } from '@nncf/sample-training';
import { run } from '../run/run.ts';
import { resolveSettings, type Flags, type Settings } from '../settings/settings.ts';

/** `train`, `test`, `export` and `run`. */
export function textCommands(): Command[] {
  return runCommands<Flags, Settings>({
    withFlags,
    settings: resolveSettings,
    run,
  });
}

function withFlags(command: Command): Command {
  return command
    .option('--model <name>', 'bert_base, bert_large, bert_tiny or bert_minilm_l3')
    .option('--dataset <name>', 'sst2, xnli, mrpc or squad')
    .option('--data <path>', 'folder of the texts, or a tar file of it')
    .option('--vocabulary <file>', 'word pieces, one a line: a file, or its path within the data')
    .option('--max-length <n>', 'word pieces of the longest text', positive)
    .addOption(new Option('--split <name>', 'part of sst2 or xnli to evaluate on').choices(['dev', 'test']))
    .option('--train-size <n>', 'texts of the training part to use; all by default', positive)
    .option('--test-size <n>', 'texts of the test part to use; all by default', positive);
}

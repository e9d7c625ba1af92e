import { Command, Option } from 'commander';
import { useBackend } from '@nncf/backend';
import { positive, progressFor, withTrainingFlags } from '@nncf/sample-training';
import { run, type Mode } from '../run/run.ts';
import { resolveSettings, type Flags } from '../settings/settings.ts';

const MODES: readonly Mode[] = ['train', 'test', 'export'];

const DESCRIPTIONS: Readonly<Record<Mode, string>> = {
  train: 'train, or fine-tune under compression',
  test: 'evaluate in TensorFlow.js, and with --to-onnx in ONNX Runtime',
  export: 'write the ONNX file and evaluate it in ONNX Runtime',
};

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

async function execute(mode: Mode, flags: Flags): Promise<void> {
  const settings = await resolveSettings(flags);
  await useBackend();
  await run(mode, settings, { say: console.info, progress: progressFor() });
}

function withFlags(command: Command): Command {
  return withTrainingFlags(
    command
      .option('--config <file>', 'configuration: model, dataset, training and "compression"')
      .option('--model <name>', 'bert_base, bert_large, bert_tiny or bert_minilm_l3')
      .option('--dataset <name>', 'sst2, xnli, mrpc or squad')
      .option('--data <path>', 'folder of the texts, or a tar file of it')
      .option('--vocabulary <file>', 'word pieces, one a line: a file, or its path within the data')
      .option('--max-length <n>', 'word pieces of the longest text', positive)
      .addOption(new Option('--split <name>', 'part of sst2 or xnli to evaluate on').choices(['dev', 'test']))
      .option('--train-size <n>', 'texts of the training part to use; all by default', positive)
      .option('--test-size <n>', 'texts of the test part to use; all by default', positive),
  );
}

import { Command, Option } from 'commander';
import { NncfError } from '@nncf/core';
import { useBackend } from '@nncf/backend';
import { progressFor } from './progress.ts';
import { withTrainingFlags } from './settings/flags.ts';
import type { TrainingFlags } from './settings/settings.ts';
import type { Voice } from './voice.ts';

/** `train` trains and evaluates, `test` evaluates, `export` writes the ONNX file; all three export with `--to-onnx`. */
export type Mode = 'train' | 'test' | 'export';

const MODES: readonly Mode[] = ['train', 'test', 'export'];

const DESCRIPTIONS: Readonly<Record<Mode, string>> = {
  train: 'train, or fine-tune under compression',
  test: 'evaluate in TensorFlow.js, and with --to-onnx in ONNX Runtime',
  export: 'write the ONNX file and evaluate it in ONNX Runtime',
};

/** What a program brings to its commands. */
export interface RunCommandOptions<Flags extends TrainingFlags, Settings> {
  /** Adds the program's own flags. */
  readonly withFlags: (command: Command) => Command;
  /** Joins flags and configuration. */
  readonly settings: (flags: Flags) => Promise<Settings>;
  /** Runs a mode, the backend loaded. */
  readonly run: (mode: Mode, settings: Settings, voice: Voice) => Promise<unknown>;
  /** For `--help`, where a mode does something of its own. */
  readonly descriptions?: Partial<Readonly<Record<Mode, string>>>;
}

/** The commands `train`, `test` and `export`, and `run --mode <mode>`, which is the one that is meant when none is named. */
export function runCommands<Flags extends TrainingFlags, Settings>(options: RunCommandOptions<Flags, Settings>): Command[] {
  const make = (name: string, description: string): Command =>
    withTrainingFlags(
      options.withFlags(
        new Command(name).description(description).option('--config <file>', 'configuration: model, dataset, training and "compression"'),
      ),
    );
  const execute = async (mode: Mode, flags: Flags): Promise<void> => {
    const settings = await options.settings(flags);
    await useBackend();
    await options.run(mode, settings, { say: console.info, progress: progressFor() });
  };
  const descriptions = { ...DESCRIPTIONS, ...options.descriptions };
  const named = MODES.map((mode) => make(mode, descriptions[mode]).action((flags: Flags) => execute(mode, flags)));
  const generic = make('run', 'one of the three, by --mode')
    .addOption(new Option('--mode <mode>', 'what to do').choices(MODES).default('train'))
    .action((flags: Flags & { mode: Mode }) => execute(flags.mode, flags));
  return [...named, generic];
}

/** Runs a command line; `run` is meant when no command is named. What is the user's to put right is printed without a stack. */
export async function runProgram(program: Command, commands: readonly Command[]): Promise<void> {
  for (const command of commands) program.addCommand(command, { isDefault: command.name() === 'run' });
  try {
    await program.parseAsync();
  } catch (error) {
    console.error(error instanceof NncfError ? error.message : error);
    process.exitCode = 1;
  }
}

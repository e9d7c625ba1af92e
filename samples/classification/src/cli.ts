import { Command } from 'commander';
import { NncfError } from '@nncf/core';
import { dataCommand } from './commands/data.ts';
import { demoCommand } from './commands/demo.ts';
import { quantizeCommand } from './commands/quantize.ts';
import { runCommands } from './commands/run.ts';
import { slimCommand } from './commands/slim.ts';

const program = new Command('classification').description('Train, compress, export and evaluate classifiers');
for (const command of runCommands()) program.addCommand(command, { isDefault: command.name() === 'run' });
program.addCommand(quantizeCommand());
program.addCommand(demoCommand());
program.addCommand(dataCommand());
program.addCommand(slimCommand());

try {
  await program.parseAsync();
} catch (error) {
  // What is the user's to put right needs no stack.
  console.error(error instanceof NncfError ? error.message : error);
  process.exitCode = 1;
}

import { Command } from 'commander';
import { NncfError } from '@nncf/core';
import { dataCommand } from './commands/data.ts';
import { runCommands } from './commands/run.ts';

const program = new Command('text').description('Train, compress, export and evaluate BERTs that classify texts and answer questions');
for (const command of runCommands()) program.addCommand(command, { isDefault: command.name() === 'run' });
program.addCommand(dataCommand());

try {
  await program.parseAsync();
} catch (error) {
  // What is the user's to put right needs no stack.
  console.error(error instanceof NncfError ? error.message : error);
  process.exitCode = 1;
}

import { Command } from 'commander';
import { NncfError } from '@nncf/core';
import { runCommands } from './commands/run.ts';

const program = new Command('segmentation').description('Train, compress, export and evaluate networks that give every pixel a class');
for (const command of runCommands()) program.addCommand(command, { isDefault: command.name() === 'run' });

try {
  await program.parseAsync();
} catch (error) {
  // What is the user's to put right needs no stack.
  console.error(error instanceof NncfError ? error.message : error);
  process.exitCode = 1;
}

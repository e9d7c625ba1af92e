import { Command } from 'commander';
import { runProgram } from '@nncf/sample-training';
import { dataCommand } from './commands/data.ts';
import { textCommands } from './commands/run.ts';

await runProgram(new Command('text').description('Train, compress, export and evaluate BERTs that classify texts and answer questions'), [
  ...textCommands(),
  dataCommand(),
]);

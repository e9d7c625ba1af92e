import { Command } from 'commander';
import { runProgram } from '@nncf/sample-training';
import { dataCommand } from './commands/data.ts';
import { demoCommand } from './commands/demo.ts';
import { quantizeCommand } from './commands/quantize.ts';
import { classificationCommands } from './commands/run.ts';
import { slimCommand } from './commands/slim.ts';

const program = new Command('classification').description('Train, compress, export and evaluate classifiers');
await runProgram(program, [...classificationCommands(), quantizeCommand(), demoCommand(), dataCommand(), slimCommand()]);

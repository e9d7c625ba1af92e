import { Command } from 'commander';
import { runProgram } from '@nncf/sample-training';
import { segmentationCommands } from './commands/run.ts';

await runProgram(
  new Command('segmentation').description('Train, compress, export and evaluate networks that give every pixel a class'),
  segmentationCommands(),
);

import { Command } from 'commander';
import { runProgram } from '@nncf/sample-training';
import { detectionCommands } from './commands/run.ts';

await runProgram(new Command('detection').description('Train, compress, export and evaluate object detectors'), detectionCommands());

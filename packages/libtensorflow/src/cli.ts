#!/usr/bin/env node
import { Command, Option } from 'commander';
import { TENSORFLOW_VERSION } from './context.ts';
import { LibtensorflowError } from './errors.ts';
import { install, type InstallOptions, type InstallReport } from './install.ts';
import { terminalReporter } from './reporter.ts';

interface CliOptions {
  readonly gpu?: boolean;
  readonly packageDir?: string;
  readonly tensorflow: string;
  readonly official: NonNullable<InstallOptions['official']>;
  readonly verify?: boolean;
}

function program(): Command {
  return new Command('nncf-libtensorflow')
    .description('Makes @tensorflow/tfjs-node work on this machine.')
    .option('--gpu', 'for @tensorflow/tfjs-node-gpu, with CUDA')
    .option('--package-dir <folder>', 'project that has tfjs-node, or the folder of tfjs-node itself (default: this folder)')
    .option('--tensorflow <version>', 'TensorFlow release of the Python wheel', TENSORFLOW_VERSION)
    .addOption(new Option('--official <when>', "try tfjs-node's own installation").choices(['once', 'again', 'never']).default('once'))
    .option('--verify', 'check the checksums of everything cached');
}

function told({ how, packageDir, officialFailure }: InstallReport): string {
  const ways = {
    present: 'tfjs-node works',
    official: 'tfjs-node works, by its official installation',
    wheel: "tfjs-node works, with the library of TensorFlow's Python wheel",
  };
  const why = officialFailure === undefined ? '' : ` (the official installation did not serve: ${officialFailure})`;
  return `[nncf] [libtensorflow] ${ways[how]}${why}: ${packageDir}`;
}

/** Runs the command; the exit code is 1 where tfjs-node does not work afterwards. */
export async function main(argv: readonly string[]): Promise<number> {
  const options = program()
    .parse([...argv])
    .opts<CliOptions>();
  try {
    const { packageDir, tensorflow, official, verify } = options;
    const report = await install({
      packageDir,
      tensorflow,
      official,
      verify,
      flavour: options.gpu ? 'gpu' : 'cpu',
      report: terminalReporter(),
    });
    console.info(told(report));
    return 0;
  } catch (error) {
    if (!(error instanceof LibtensorflowError)) throw error;
    console.error(error.message);
    return 1;
  }
}

process.exitCode = await main(process.argv);

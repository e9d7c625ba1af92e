import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Path of a file in the folder of shared data and weights, which lies beside the repository (`$NNCF_SHARED`, else `../shared`);
 * undefined when the file is not there, so that whoever wants it can say so and go on.
 * @param path below that folder, e.g. `weights/resnet20_cifar10.safetensors`
 */
export function sharedFile(path: string): string | undefined {
  const besideRepository = resolve(fileURLToPath(new URL('../../../..', import.meta.url)), 'shared');
  const file = join(process.env['NNCF_SHARED'] || besideRepository, path);
  return existsSync(file) ? file : undefined;
}

/** tfjs-node's addon, compiled against the library in the cache. */
import { dirname, join } from 'node:path';
import { compile, sourceKey } from './compile.ts';
import { buildName, NAPI_VERSION, type Context } from './context.ts';
import { exists } from './files.ts';
import type { Library } from './library.ts';
import type { Target } from './target.ts';

/**
 * Gives the compiled addon from the cache, or compiles it there.
 *
 * @returns Path of `tfjs_binding.node`.
 * @throws LibtensorflowError `COMPILER_MISSING`, `COMPILE_FAILED`
 */
export async function ensureAddon(context: Context, target: Target, library: Library): Promise<string> {
  const binding = join(target.folder, 'binding');
  const key = await sourceKey(binding, `${target.name} ${target.version} ${NAPI_VERSION}`);
  const output = join(context.cache, `addon-${buildName(context)}-${key}`, 'tfjs_binding.node');
  if (library.cached && (await exists(output))) return output;
  await compile(context, library, {
    label: `the addon of ${target.name} ${target.version}`,
    sources: ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(binding, name)),
    includes: [target.folder, dirname(target.folder)],
    flags: ['-O2'],
    output,
  });
  return output;
}

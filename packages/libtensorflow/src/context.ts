import { homedir } from 'node:os';
import { join } from 'node:path';

/** TensorFlow release that is taken from the Python package index unless another is asked for. */
export const TENSORFLOW_VERSION = '2.21.0';

/** Node-API version of the addon. */
export const NAPI_VERSION = 8;

/** With or without CUDA. */
export type Flavour = 'cpu' | 'gpu';

/** How the steps tell what they do. */
export interface Reporter {
  /** A new step begins. */
  step(text: string): void;
  /** A step is part done; `total` in the unit of `done`, MB. */
  progress(text: string, done: number, total: number): void;
  /** The progress bar, if any, is over. */
  settle(): void;
}

/** What every step works with; tests replace the environment. */
export interface Context {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** Node's own executable, in which the addon has to load. */
  readonly node: string;
  readonly flavour: Flavour;
  readonly tensorflow: string;
  /** `<user cache>/nncf/libtensorflow`. */
  readonly cache: string;
  readonly report: Reporter;
}

/** The user's cache folder of this project: `NNCF_CACHE`, else `XDG_CACHE_HOME/nncf`, else `~/.cache/nncf`. */
export function cacheRoot(env: NodeJS.ProcessEnv): string {
  if (env['NNCF_CACHE']) return env['NNCF_CACHE'];
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'nncf');
}

/** Name that tells builds apart: `2.21.0-cpu-linux-x64`. */
export function buildName({ tensorflow, flavour, platform, arch }: Context): string {
  return [tensorflow, flavour, platform, arch].join('-');
}

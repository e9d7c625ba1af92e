import { backendUnavailable, unknownBackend } from './errors.ts';
import { nativeVersion } from './kernel-map.ts';
import { BACKENDS, ENGINE_NAMES, loadBackend, type BackendName } from './load.ts';
import { enableTrainingKernels } from './training-kernels.ts';

/** What {@link useBackend} is told. */
export interface UseBackendOptions {
  /** Tried first; the usual order follows where it does not load. `NNCF_BACKEND` wins over it. */
  readonly prefer?: BackendName | undefined;
  /** Print nothing. @default false */
  readonly quiet?: boolean | undefined;
  /** Where the one line goes. @default console.info */
  readonly log?: ((line: string) => void) | undefined;
  /** Register the fused and the missing training kernels. @default true */
  readonly trainingKernels?: boolean | undefined;
}

/** A backend that was passed over. */
export interface SkippedBackend {
  readonly name: BackendName;
  /** Why, in one line. */
  readonly reason: string;
}

/** The backend in use, and how it came to be. */
export interface BackendInfo {
  readonly name: BackendName;
  /** Its name for `tf.setBackend`. */
  readonly engineName: string;
  /** Version of the TensorFlow library underneath, on tfjs-node. */
  readonly tensorflow: string | undefined;
  /** Why this one, in a few words. */
  readonly reason: string;
  /** Those tried before it. */
  readonly skipped: readonly SkippedBackend[];
}

function isBackendName(name: string): name is BackendName {
  return BACKENDS.some((known) => known === name);
}

/** The backends to try, and whether there is no way out of the first. */
function candidates(prefer: BackendName | undefined): {
  names: readonly BackendName[];
  forced: boolean;
} {
  const wanted = process.env['NNCF_BACKEND'] ?? '';
  if (wanted !== '') {
    if (!isBackendName(wanted)) throw unknownBackend(wanted, BACKENDS);
    return { names: [wanted], forced: true };
  }
  if (prefer === undefined) return { names: BACKENDS, forced: false };
  if (!isBackendName(prefer)) throw unknownBackend(prefer, BACKENDS);
  return { names: [prefer, ...BACKENDS.filter((name) => name !== prefer)], forced: false };
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? '').trim().replace(/\.$/, '');
}

function reasonFor(name: BackendName, prefer: BackendName | undefined, forced: boolean): string {
  if (forced) return 'NNCF_BACKEND asks for it';
  if (name === prefer) return 'asked for by the program';
  return 'the quickest that loads here';
}

function describe(info: BackendInfo): string {
  const library = info.tensorflow === undefined ? '' : ` (TensorFlow ${info.tensorflow})`;
  // Hardly anyone has the GPU package, so its absence is no news.
  const news = info.skipped.filter(({ name, reason }) => name !== 'tfjs-node-gpu' || !reason.endsWith('is not installed'));
  const passedOver = news.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
  return `[nncf] [backend] ${info.name}${library}: ${info.reason}${passedOver === '' ? '' : `. Passed over ${passedOver}`}.`;
}

async function firstThatLoads(prefer: BackendName | undefined): Promise<BackendInfo> {
  const { names, forced } = candidates(prefer);
  const skipped: SkippedBackend[] = [];
  let cause: unknown;
  for (const name of names) {
    try {
      await loadBackend(name);
      return {
        name,
        engineName: ENGINE_NAMES[name],
        tensorflow: nativeVersion(),
        reason: reasonFor(name, prefer, forced),
        skipped,
      };
    } catch (error) {
      cause = error;
      skipped.push({ name, reason: oneLine(error) });
    }
  }
  const why = skipped.map(({ name, reason }) => (forced ? reason : `${name}: ${reason}`)).join('; ');
  throw backendUnavailable(forced ? (names[0] ?? '') : 'tfjs-node, wasm or cpu', why, cause);
}

let announced = '';

/**
 * Chooses, loads and prepares the TensorFlow.js backend: tfjs-node-gpu, tfjs-node, wasm, cpu, the first that loads. The backends' packages are
 * looked for in the project of the running program. Prints one line that says which it took and why, once per backend.
 *
 * The environment variable `NNCF_BACKEND` names one backend and allows no other.
 *
 * @throws NncfError `BACKEND_UNKNOWN` for a name that is no backend, `BACKEND_UNAVAILABLE` where the demanded one, or every one, does not load.
 */
export async function useBackend(options: UseBackendOptions = {}): Promise<BackendInfo> {
  const info = await firstThatLoads(options.prefer);
  if (options.trainingKernels ?? true) enableTrainingKernels();
  const line = describe(info);
  if (!(options.quiet ?? false) && line !== announced) {
    announced = line;
    (options.log ?? console.info)(line);
  }
  return info;
}

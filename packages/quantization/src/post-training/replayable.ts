import type { CalibrationBatch, CalibrationData } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Data that can be read any number of times. A generator gives each batch once, so copies of the batches that were read are kept until
 * `dispose`; arrays, data sets and other iterables are read anew and nothing is kept.
 */
export interface ReplayableData {
  readonly data: CalibrationData;
  dispose(): void;
}

/** Makes data replayable. */
export function replayable(data: CalibrationData): ReplayableData {
  const once = singlePass(data);
  return once === undefined ? { data, dispose: () => undefined } : new KeptBatches(once);
}

type Once = Iterator<CalibrationBatch> | AsyncIterator<CalibrationBatch>;

/** The iterator of data that are their own iterator, which means that they can be read once. */
function singlePass(data: unknown): Once | undefined {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || 'iterator' in data) return undefined;
  const open: unknown = Reflect.get(data, Symbol.asyncIterator) ?? Reflect.get(data, Symbol.iterator);
  const iterator: unknown = typeof open === 'function' ? Reflect.apply(open, data, []) : undefined;
  return iterator === data ? (iterator as Once) : undefined;
}

class KeptBatches implements ReplayableData {
  readonly #source: Once;
  readonly #kept: CalibrationBatch[] = [];

  constructor(source: Once) {
    this.#source = source;
  }

  get data(): CalibrationData {
    return { [Symbol.asyncIterator]: () => this.#read() };
  }

  dispose(): void {
    for (const batch of this.#kept) tf.dispose(batch as tf.Tensor);
    this.#kept.length = 0;
  }

  /** Kept batches first, then new ones. The reader disposes of what it gets. */
  async *#read(): AsyncGenerator<CalibrationBatch> {
    for (let index = 0; ; index++) {
      const kept = this.#kept[index];
      if (kept !== undefined) yield copyOf(kept);
      else {
        const { value, done } = await this.#source.next();
        if (done === true) return;
        this.#kept[index] = copyOf(value as CalibrationBatch);
        yield value as CalibrationBatch;
      }
    }
  }
}

/** The same arrays and records with tensors of their own. */
function copyOf<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copyOf) as T & unknown[];
  if (typeof value !== 'object' || value === null) return value;
  if ('dataSync' in value) return tf.clone(value as T & tf.Tensor);
  const isRecord = Object.getPrototypeOf(value) === Object.prototype;
  return isRecord ? (Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copyOf(each)])) as T) : value;
}

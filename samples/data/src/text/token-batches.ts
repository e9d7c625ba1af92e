import * as tf from '@tensorflow/tfjs-core';
import { invalidArgument } from '../errors.ts';
import type { EncodedText } from './encode.ts';
import { batchOrder, type OrderOptions } from './order.ts';

/** How encoded texts are cut into batches. */
export interface TokenBatchOptions extends OrderOptions {
  /** Longest text in pieces. */
  readonly length: number;
  /** `length`: every batch has that length; `longest`: that of its longest text, rounded up to a multiple of 8. @default 'length' */
  readonly padTo?: 'length' | 'longest' | undefined;
  /** Number of the padding's piece. @default 0 */
  readonly pad?: number;
}

/** A batch as typed arrays `[batch, length]`, row by row: for runtimes other than TensorFlow.js. */
export interface TokenArrays {
  readonly ids: Int32Array;
  /** 1 for a piece, 0 for padding. */
  readonly mask: Int32Array;
  readonly types: Int32Array;
  readonly shape: readonly [batch: number, length: number];
  /** Places of the texts in the list. */
  readonly indices: Int32Array;
}

/** A batch as tensors: ids, mask and types, int32 `[batch, length]`, and whatever is to be learned. */
export interface TokenBatch {
  readonly xs: [ids: tf.Tensor2D, mask: tf.Tensor2D, types: tf.Tensor2D];
  readonly ys: tf.Tensor;
  readonly indices: Int32Array;
}

/** Batches of one pass, which can be passed over again in the same order. */
export interface TokenBatches extends AsyncIterable<TokenBatch> {
  /** Number of batches. */
  readonly size: number;
}

const ROUND = 8;

/** Batches as typed arrays, made one by one. */
export interface TokenArrayBatches extends Iterable<TokenArrays> {
  /** Number of batches. */
  readonly size: number;
}

/**
 * Batches as typed arrays.
 * @throws NncfError `INVALID_ARGUMENT` when a text is longer than `length`, or the batch size is no positive integer
 */
export function tokenArrays(texts: readonly EncodedText[], options: TokenBatchOptions): TokenArrayBatches {
  const lengths = Int32Array.from(texts, ({ ids }) => ids.length);
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  if (longest > options.length) throw invalidArgument(`a text of ${longest} word pieces does not fit into ${options.length}`);
  if (!Number.isInteger(options.batchSize) || options.batchSize < 1)
    throw invalidArgument(`batchSize ${options.batchSize} is not a positive integer`);
  const order = batchOrder(lengths, options);
  return {
    size: order.length,
    *[Symbol.iterator]() {
      for (const indices of order) yield arraysOf(texts, indices, options);
    },
  };
}

/**
 * Batches as tensors. A batch belongs to the iteration: it is disposed when the next one is asked for and when the loop is left.
 * @param targets what is to be learned of the texts at some places
 * @throws NncfError `INVALID_ARGUMENT` like {@link tokenArrays}
 */
export function tokenBatches(
  texts: readonly EncodedText[],
  targets: (indices: Int32Array) => tf.Tensor,
  options: TokenBatchOptions,
): TokenBatches {
  const batches = tokenArrays(texts, options);
  return { size: batches.size, [Symbol.asyncIterator]: () => tensorPass(batches, targets) };
}

async function* tensorPass(batches: Iterable<TokenArrays>, targets: (indices: Int32Array) => tf.Tensor): AsyncGenerator<TokenBatch> {
  for (const { ids, mask, types, shape, indices } of batches) {
    const [x, y, z] = [ids, mask, types].map((values) => tf.tensor2d(values, [...shape], 'int32')) as TokenBatch['xs'];
    const batch: TokenBatch = { xs: [x, y, z], ys: targets(indices), indices };
    try {
      yield batch;
    } finally {
      tf.dispose([batch.xs, batch.ys]);
    }
  }
}

function arraysOf(texts: readonly EncodedText[], indices: Int32Array, options: TokenBatchOptions): TokenArrays {
  const length = lengthOf(texts, indices, options);
  const size = indices.length * length;
  const [ids, mask, types] = [new Int32Array(size).fill(options.pad ?? 0), new Int32Array(size), new Int32Array(size)];
  indices.forEach((place, row) => {
    const text = texts[place]!;
    ids.set(text.ids, row * length);
    types.set(text.types, row * length);
    mask.fill(1, row * length, row * length + text.ids.length);
  });
  return { ids, mask, types, shape: [indices.length, length], indices };
}

function lengthOf(texts: readonly EncodedText[], indices: Int32Array, { length, padTo }: TokenBatchOptions): number {
  if (padTo !== 'longest') return length;
  const longest = indices.reduce((most, place) => Math.max(most, texts[place]!.ids.length), 1);
  return Math.min(length, Math.ceil(longest / ROUND) * ROUND);
}

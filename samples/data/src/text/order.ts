import { createRandom, epochSeed, orderedIndices, shuffledIndices } from '../random.ts';

/** In which order texts come. */
export interface OrderOptions {
  readonly batchSize: number;
  /** @default false */
  readonly shuffle?: boolean;
  /** @default 0 */
  readonly seed?: number;
  /** @default 0 */
  readonly epoch?: number;
  /** Texts of like lengths in one batch, so that there is little padding; without `shuffle` this changes nothing. @default false */
  readonly groupByLength?: boolean;
  /** Leave out a last batch that is smaller than the others. @default false */
  readonly dropRemainder?: boolean;
}

/** Batches among which texts are sorted by length: enough for like lengths, few enough to leave chance to the order. */
const BATCHES_PER_GROUP = 50;

/** Places of the texts of every batch. */
export function batchOrder(lengths: Int32Array, options: OrderOptions): readonly Int32Array[] {
  const { batchSize, shuffle = false, seed = 0, epoch = 0, groupByLength = false } = options;
  const random = createRandom(epochSeed(seed, epoch));
  const order = shuffle ? shuffledIndices(lengths.length, random) : orderedIndices(lengths.length);
  const grouped = shuffle && groupByLength;
  if (grouped) sortGroups(order, lengths, batchSize * BATCHES_PER_GROUP);
  const batches = cut(order, batchSize, options.dropRemainder ?? false);
  return grouped ? [...shuffledIndices(batches.length, random)].map((place) => batches[place]!) : batches;
}

function sortGroups(order: Int32Array, lengths: Int32Array, size: number): void {
  for (let start = 0; start < order.length; start += size)
    order.subarray(start, start + size).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
}

function cut(order: Int32Array, size: number, dropRemainder: boolean): Int32Array[] {
  const count = dropRemainder ? Math.floor(order.length / size) : Math.ceil(order.length / size);
  return Array.from({ length: count }, (_, batch) => order.slice(batch * size, (batch + 1) * size));
}

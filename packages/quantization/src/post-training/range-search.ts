import type { GraphNode, InitializeContext, NodeObserver } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import { operandsOf } from '../placement/graph-view.ts';
import type { FakeQuantizer } from '../quantizers/fake-quantizer.ts';
import type { Range } from '../range/estimator.ts';
import { quantizerLookup, type StatisticsSource } from '../statistics.ts';
import { layerFunction, type LayerFunction } from './layer-function.ts';
import type { LiveGraph } from './linear-layers.ts';

/** Shares of the whole range that are tried, from all of it to a tenth. */
const SHARES: readonly number[] = Array.from({ length: 10 }, (_, i) => 0.775 ** i);

/** Channels without a signal count by this share of the mean of all channels' signals. */
const FLOOR = 0.1;

/** Keeps a sample of zeros from a division by zero. */
const TINY = 1e-30;

/** A place at which an error of a quantizer shows. */
interface Reader {
  readonly node: GraphNode;
  readonly port: number;
  readonly quantizer: FakeQuantizer;
  /** What the layer makes of it; undefined where the tensor itself is looked at. */
  readonly layer: LayerFunction | undefined;
}

/** What {@link narrowRanges} works on. */
export interface RangeSearch {
  readonly source: StatisticsSource;
  readonly live: LiveGraph;
  /** Samples to look at; whole batches are read. */
  readonly samples: number;
}

/**
 * Narrows the ranges of activations to those that change the results of the layers behind least (after EasyQuant, arXiv 2006.16669, with squared
 * differences). Of every quantizer the shares of its range from 1 to 0.1 are tried; for each the layers that read the tensor run on the rounded
 * tensor, bias, batch normalization and activation included, since a value that ReLU6 cuts off may as well be cut off before. All else is in floating
 * point. Error of a share: the sum over the layers f behind, of the mean over samples and channels of ‖f(Q(x)) − f(x)‖² / (‖f(x)‖² + 0.1·m), m the
 * mean of ‖f(x)‖² over the sample's channels.
 *
 * A quantizer with a range for every channel keeps its ranges.
 */
export async function narrowRanges({ source, live, samples }: RangeSearch, context: InitializeContext): Promise<void> {
  const readers = readersOf(source, live);
  const candidates = new Map([...new Set(readers.map((reader) => reader.quantizer))].map((each) => [each, new Candidates(each)]));
  const enabled = [...source.quantizers.values()].filter((quantizer) => quantizer.enabled);
  try {
    for (const quantizer of enabled) quantizer.enabled = false;
    const observers = readers.map((reader) => observer(reader, candidates.get(reader.quantizer) as Candidates));
    await context.run({ maxBatches: samples, observers, onBatch: countUpTo(samples, context) });
    for (const each of candidates.values()) each.takeBest();
  } finally {
    for (const quantizer of enabled) quantizer.enabled = true;
    for (const each of candidates.values()) each.dispose();
  }
}

/** Shows how far the search is, and ends it. */
function countUpTo(samples: number, { progress }: InitializeContext): (index: number, count: number) => 'stop' | undefined {
  let seen = 0;
  return (_index, count) => {
    seen += count;
    progress('range search', Math.min(seen, samples), samples);
    return seen >= samples ? 'stop' : undefined;
  };
}

/** Operands of quantizable operations that have passed a quantizer with one range for the whole tensor. */
function readersOf(source: StatisticsSource, live: LiveGraph): readonly Reader[] {
  const lookup = quantizerLookup(source);
  const nodes = source.view.graph.nodes.filter((node) => node.insertable && source.view.info(node).trait === 'quantizable');
  return nodes.flatMap((node) =>
    operandsOf(node).flatMap(({ port }) => {
      const quantizer = lookup(node, port);
      if (quantizer === undefined || quantizer.isWeight || !quantizer.enabled || quantizer.spec.parameterShape.length > 0) return [];
      const layer = port === 0 ? layerFunction(live, node) : undefined;
      return [{ node, port, quantizer, layer }];
    }),
  );
}

function observer({ node, port, layer }: Reader, candidates: Candidates): NodeObserver {
  const see = (operands: readonly tf.Tensor[]): void =>
    tf.tidy(() => {
      const x = operands[port] as tf.Tensor;
      const weights = operands[1] as tf.Tensor;
      candidates.add(x, (input) => layer?.(input, weights) ?? input);
    });
  return { node: node.name, see };
}

/** Ranges that are tried on one quantizer, with their errors. */
class Candidates {
  readonly #quantizer: FakeQuantizer;
  readonly #ranges: readonly Range[];
  readonly #errors = new Float64Array(SHARES.length);

  constructor(quantizer: FakeQuantizer) {
    this.#quantizer = quantizer;
    const { low, high } = quantizer.grid();
    // A symmetric grid has one level more below zero than above.
    const top = high[0] ?? 0;
    const bottom = quantizer.spec.mode === 'symmetric' ? Math.sign(low[0] ?? 0) * top : (low[0] ?? 0);
    this.#ranges = SHARES.map((share) => ({ min: tf.scalar(bottom * share), max: tf.scalar(top * share) }));
  }

  /** Adds the errors that rounding `x` makes in `f(x)`. */
  add(x: tf.Tensor, f: (x: tf.Tensor) => tf.Tensor): void {
    const expected = f(x);
    const energy = channelEnergies(expected);
    const size = tf.add(energy, tf.add(tf.mul(tf.mean(energy, 1, true), FLOOR), TINY));
    this.#ranges.forEach((range, i) => {
      this.#errors[i]! += tf.tidy(
        () => tf.mean(tf.div(channelEnergies(tf.sub(f(this.#rounded(x, range)), expected)), size)).dataSync()[0] ?? 0,
      );
    });
  }

  takeBest(): void {
    const best = this.#errors.indexOf(Math.min(...this.#errors));
    this.#quantizer.adopt(this.#ranges[best], 'post_training');
  }

  dispose(): void {
    for (const { min, max } of this.#ranges) tf.dispose([min, max]);
  }

  #rounded(x: tf.Tensor, range: Range): tf.Tensor {
    this.#quantizer.adopt(range, 'post_training');
    this.#quantizer.enabled = true;
    try {
      return this.#quantizer.apply(x);
    } finally {
      this.#quantizer.enabled = false;
    }
  }
}

/** Squared norm of every channel of every sample, `[samples, channels]`. */
function channelEnergies(x: tf.Tensor): tf.Tensor2D {
  return tf.sum(tf.square(tf.reshape(x, [x.shape[0] ?? 1, -1, x.shape.at(-1) ?? 1])), 1);
}

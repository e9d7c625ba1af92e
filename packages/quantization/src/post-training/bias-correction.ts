import type { GraphNode, InitializeContext, NodeObserver } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import { float32Values } from '../tensor-values.ts';
import { assignValues, type Originals } from './originals.ts';
import { inputSum, outputMean } from './output-mean.ts';
import type { ShiftTarget } from './shift-targets.ts';

/** A layer with the variable that can move its result. */
export interface CorrectableLayer {
  readonly node: GraphNode;
  readonly target: ShiftTarget;
}

/** How far a layer's result is to be moved. */
export interface LayerShift extends CorrectableLayer {
  /** By output channel, in units of the layer's result. */
  readonly shift: Float32Array;
}

/** Samples of one size that were summed up. */
interface Sum {
  readonly total: tf.Tensor;
  readonly count: number;
}

/**
 * What bias correction needs to know (arXiv 1906.04721, section 4.2, and NNCF's fast bias correction): the mean of what every layer reads in floating
 * point. Rounding the weights W to W′ moves the mean of a layer's result, channel by channel, by E[W′·x] − E[W·x], which the bias can take back:
 *
 *     shift = (W − W′)·E[x]
 *
 * Errors of the activations are left out: most of their mean comes from the few values that a range cuts off, and a shift for all would move the many
 * that are right.
 */
export class BiasCorrection {
  readonly #layers: readonly CorrectableLayer[];
  readonly #traceBatch: number;
  readonly #sums = new Map<GraphNode, Map<string, Sum>>();

  /** @param traceBatch batch size of the nodes' attributes */
  constructor(layers: readonly CorrectableLayer[], traceBatch: number) {
    this.#layers = layers;
    this.#traceBatch = traceBatch;
  }

  /** For a run over calibration data in floating point. */
  get observers(): readonly NodeObserver[] {
    return this.#layers.map(({ node }) => ({ node: node.name, see: ([x]) => this.#add(node, x as tf.Tensor) }));
  }

  /**
   * The shifts, after a look at the weights in floating point and quantized. Runs one batch twice.
   *
   * @param quantize switches the rounding of weights on and off
   */
  async shifts(context: InitializeContext, quantize: (on: boolean) => void): Promise<readonly LayerShift[]> {
    const found = new Map<CorrectableLayer, Float32Array>();
    const losses = new WeightLosses();
    const see = (layer: CorrectableLayer, weights: tf.Tensor): void => {
      const loss = this.#sums.has(layer.node) ? losses.see(layer.node, weights) : undefined;
      if (loss !== undefined) found.set(layer, this.#shift(layer.node, loss));
    };
    const observers = this.#layers.map((layer) => ({
      node: layer.node.name,
      see: ([, weights]: readonly tf.Tensor[]) => see(layer, weights as tf.Tensor),
    }));
    try {
      await context.run({ maxBatches: 1, passes: 2, beforePass: (pass) => quantize(pass > 0), observers, onBatch: () => 'stop' });
    } finally {
      quantize(true);
      losses.dispose();
    }
    return [...found].map(([layer, shift]) => ({ ...layer, shift }));
  }

  dispose(): void {
    for (const sums of this.#sums.values()) for (const { total } of sums.values()) total.dispose();
    this.#sums.clear();
  }

  #add(node: GraphNode, x: tf.Tensor): void {
    const { total, count } = inputSum(node, x);
    const sums = this.#sums.get(node) ?? new Map<string, Sum>();
    this.#sums.set(node, sums);
    const before = sums.get(String(total.shape));
    const sum = before === undefined ? total : tf.add(before.total, total);
    sums.set(String(total.shape), { total: tf.keep(sum), count: count + (before?.count ?? 0) });
    before?.total.dispose();
  }

  /** The mean over samples of `weights`·x. */
  #shift(node: GraphNode, weights: tf.Tensor): Float32Array {
    const sums = [...(this.#sums.get(node)?.values() ?? [])];
    const samples = sums.reduce((sum, { count }) => sum + count, 0);
    return float32Values(
      tf.tidy(() => {
        const shares = sums.map(({ total, count }) => {
          const mean = outputMean(node, tf.div(total, count), weights, this.#traceBatch);
          return tf.mul(mean, count / samples);
        });
        return tf.addN(shares);
      }),
    ).slice();
  }
}

/** Weights as they were in the first pass, until the second shows what rounding has left of them. */
class WeightLosses {
  readonly #weights = new Map<GraphNode, tf.Tensor>();

  /** W − W′ in the second pass. */
  see(node: GraphNode, weights: tf.Tensor): tf.Tensor | undefined {
    const float = this.#weights.get(node);
    if (float !== undefined) return tf.sub(float, weights);
    this.#weights.set(node, tf.keep(tf.clone(weights)));
    return undefined;
  }

  dispose(): void {
    for (const weights of this.#weights.values()) weights.dispose();
  }
}

/** Moves the result of a layer. */
export function applyShift({ target, shift }: LayerShift, originals: Originals): void {
  const { variable, factor } = target;
  const moved = originals.keep(variable).map((value, channel) => value + shift[channel]! * (factor?.[channel] ?? 1));
  assignValues(variable, moved);
}

import type { InitializeContext } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import type { FakeQuantizer } from '../quantizers/fake-quantizer.ts';
import type { OperationGroup } from './quantizer-groups.ts';

/** How far the model's outputs are from those in floating point, as a share of their own size (squared). */
export interface Ranking {
  /** With all quantizers. */
  readonly error: number;
  /** Groups with the error that is left when one of them is given back, the smallest first. */
  readonly groups: readonly RankedGroup[];
}

/** A group and what is gained by giving it back. */
export interface RankedGroup {
  readonly group: OperationGroup;
  /** Error of the outputs without this group's quantizers; or minus the metric, where that is ranked by. */
  readonly cost: number;
}

/** What is ranked, and on how much data. */
export interface RankingTask {
  readonly groups: readonly OperationGroup[];
  /** All quantizers of the model. */
  readonly quantizers: readonly FakeQuantizer[];
  readonly samples: number;
}

const FLOAT_PASS = 0;
const QUANTIZED_PASS = 1;
/** The pass in which the first group is given back. */
const FIRST_GROUP = 2;

/**
 * Ranks groups by the outputs' squared difference from floating point, ‖y − y₀‖²/‖y₀‖², when each alone is given back. Every batch runs once in
 * floating point, once quantized and once for each group.
 */
export async function rankByOutputs({ groups, quantizers, samples }: RankingTask, context: InitializeContext): Promise<Ranking> {
  const errors = new OutputErrors();
  let seen = 0;
  const enabled = quantizers.filter((quantizer) => quantizer.enabled);
  const beforePass = (pass: number): void => {
    const group = groups[pass - FIRST_GROUP];
    for (const quantizer of enabled) quantizer.enabled = pass !== FLOAT_PASS && group?.quantizers.includes(quantizer) !== true;
  };
  const onBatch = (_index: number, count: number): 'stop' | undefined => {
    seen += count;
    context.progress('ranking', Math.min(seen, samples), samples);
    return seen >= samples ? 'stop' : undefined;
  };
  const onOutputs = (outputs: readonly tf.Tensor[], pass: number): void => errors.add(outputs, pass);
  try {
    await context.run({ maxBatches: samples, passes: groups.length + FIRST_GROUP, beforePass, onOutputs, onBatch });
    const ranked = groups.map((group, index) => ({ group, cost: errors.of(index + FIRST_GROUP) }));
    return { error: errors.of(QUANTIZED_PASS), groups: ranked.toSorted((a, b) => a.cost - b.cost) };
  } finally {
    for (const quantizer of enabled) quantizer.enabled = true;
    errors.dispose();
  }
}

/** Sums of squared differences by pass. */
class OutputErrors {
  #reference: readonly tf.Tensor[] = [];
  #size = 0;
  readonly #differences = new Map<number, number>();

  add(outputs: readonly tf.Tensor[], pass: number): void {
    if (pass === FLOAT_PASS) {
      this.dispose();
      this.#reference = outputs.map((output) => tf.keep(tf.clone(output)));
      this.#size += outputs.reduce((sum, output) => sum + squaredSum(output), 0);
    } else {
      const difference = outputs.reduce((sum, output, i) => sum + squaredSum(tf.sub(output, this.#reference[i] as tf.Tensor)), 0);
      this.#differences.set(pass, (this.#differences.get(pass) ?? 0) + difference);
    }
  }

  of(pass: number): number {
    return (this.#differences.get(pass) ?? 0) / Math.max(this.#size, Number.MIN_VALUE);
  }

  dispose(): void {
    tf.dispose([...this.#reference]);
    this.#reference = [];
  }
}

function squaredSum(x: tf.Tensor): number {
  return tf.tidy(() => tf.sum(tf.square(x)).dataSync()[0] ?? 0);
}

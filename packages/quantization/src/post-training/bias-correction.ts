import type { GraphNode, InitializeContext, NodeObserver } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import type { FakeQuantizer } from '../quantizers/fake-quantizer.ts';
import { float32Values } from '../tensor-values.ts';
import { assignValues, type Originals } from './originals.ts';
import { outputMean } from './output-mean.ts';
import type { ShiftTarget } from './shift-targets.ts';

/** A layer with the variable that can move its result. */
export interface CorrectableLayer {
  readonly node: GraphNode;
  readonly target: ShiftTarget;
}

/** How a layer's result was moved. */
export interface LayerShift {
  readonly node: GraphNode;
  readonly into: ShiftTarget['into'];
  /** Largest shift of a channel's mean. */
  readonly largest: number;
}

/** What {@link correctBiases} works on. */
export interface BiasCorrection {
  readonly layers: readonly CorrectableLayer[];
  /** All quantizers of the model. */
  readonly quantizers: readonly FakeQuantizer[];
  readonly originals: Originals;
  /** Samples to look at; whole batches are read. */
  readonly samples: number;
  /** Batch size of the graph's attributes. */
  readonly traceBatch: number;
}

const FLOAT_PASS = 0;

/**
 * Moves the result of every layer so that its mean by channel is what it was in floating point (arXiv 1906.04721, section 4.2 and appendix D, with
 * the means measured). For a layer with weights W that reads x, both rounded to W′ and x′:
 *
 *     shift = E[W·x] − E[W′·x′]
 *
 * Every batch runs twice, without quantizers and with them. In the second run the layers are moved one after the other, each before the next one
 * reads its result, so that x′ carries the corrections of all layers before. What stays is the mean over the samples of the batches' shifts.
 *
 * @throws NncfError of the calibration data
 */
export async function correctBiases(correction: BiasCorrection, context: InitializeContext): Promise<readonly LayerShift[]> {
  const { quantizers, samples, originals, traceBatch } = correction;
  const layers = correction.layers.map((layer) => new LayerCorrection(layer, originals, traceBatch));
  const enabled = quantizers.filter((quantizer) => quantizer.enabled);
  let current = FLOAT_PASS;
  let seen = 0;
  const beforePass = (pass: number): void => {
    current = pass;
    for (const quantizer of enabled) quantizer.enabled = pass !== FLOAT_PASS;
    if (pass === FLOAT_PASS) for (const layer of layers) layer.restore();
  };
  const onBatch = (_index: number, count: number): 'stop' | undefined => {
    for (const layer of layers) layer.endBatch(count);
    seen += count;
    context.progress('bias correction', Math.min(seen, samples), samples);
    return seen >= samples ? 'stop' : undefined;
  };
  const observers = layers.map((layer) => layer.observer(() => current === FLOAT_PASS));
  try {
    await context.run({ maxBatches: samples, passes: 2, beforePass, observers, onBatch });
    return layers.map((layer) => layer.finish());
  } finally {
    for (const quantizer of enabled) quantizer.enabled = true;
    for (const layer of layers) layer.dispose();
  }
}

/** The correction of one layer. */
class LayerCorrection {
  readonly #layer: CorrectableLayer;
  readonly #original: Float32Array;
  readonly #traceBatch: number;
  readonly #total: Float64Array;
  #expected: tf.Tensor | undefined;
  #shift: Float32Array | undefined;
  #samples = 0;

  constructor(layer: CorrectableLayer, originals: Originals, traceBatch: number) {
    this.#layer = layer;
    this.#original = originals.keep(layer.target.variable);
    this.#traceBatch = traceBatch;
    this.#total = new Float64Array(this.#original.length);
  }

  /** Looks at what the layer reads, right before it runs. */
  observer(isFloat: () => boolean): NodeObserver {
    return {
      node: this.#layer.node.name,
      see: (operands) => {
        const mean = outputMean(this.#layer.node, operands, this.#traceBatch);
        if (isFloat()) this.#expect(mean);
        else this.#correct(mean);
      },
    };
  }

  restore(): void {
    assignValues(this.#layer.target.variable, this.#original);
  }

  endBatch(samples: number): void {
    this.#shift?.forEach((value, channel) => (this.#total[channel]! += value * samples));
    this.#samples += this.#shift === undefined ? 0 : samples;
  }

  /** Leaves the mean shift in the variable. */
  finish(): LayerShift {
    const shift = Float32Array.from(this.#total, (total) => total / Math.max(1, this.#samples));
    this.#move(shift);
    const largest = shift.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return { node: this.#layer.node, into: this.#layer.target.into, largest };
  }

  dispose(): void {
    this.#expected?.dispose();
    this.#expected = undefined;
  }

  #expect(mean: tf.Tensor): void {
    this.dispose();
    this.#expected = tf.keep(mean);
  }

  #correct(mean: tf.Tensor): void {
    if (this.#expected === undefined) return;
    const expected = this.#expected;
    this.#shift = Float32Array.from(float32Values(tf.tidy(() => tf.sub(expected, mean))));
    this.#move(this.#shift);
  }

  #move(shift: Float32Array): void {
    const { variable, factor } = this.#layer.target;
    assignValues(
      variable,
      this.#original.map((value, channel) => value + shift[channel]! * (factor?.[channel] ?? 1)),
    );
  }
}

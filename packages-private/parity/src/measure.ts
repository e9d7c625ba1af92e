import type { SafetensorsTensor } from '@nncf/core';
import type { FakeQuantizer, QuantizerGrid } from '@nncf/quantization';
import * as tf from '@tensorflow/tfjs-core';
import { BATCH } from './cases.ts';
import { figure, valuesOf, type Figures } from './figures.ts';
import { plainName, type Subject } from './subject.ts';
import { withTap, type Tap } from './tap.ts';
import { followTies, type TieCount } from './ties.ts';

/** Our half's figures. */
export interface Measured {
  readonly figures: Figures;
  /** Of the quantizers after initialization. */
  readonly grids: ReadonlyMap<string, QuantizerGrid>;
  readonly ties: TieCount;
}

type Entries = (readonly [string, SafetensorsTensor])[];

/**
 * Measures our half. The subject is trained by that.
 *
 * @param reference the other half's figures: after ours are noted its ranges are taken, its quantizers' inputs are rounded by ours, and its ties
 *   are followed
 * @param steps of training
 */
export function measure(subject: Subject, reference: Figures, steps: number): Measured {
  const ties: TieCount = { followed: 0, turned: 0, lost: 0 };
  const found = ranges(subject);
  adoptRanges(subject, reference);
  const grids = new Map([...subject.quantizers].map(([key, quantizer]) => [key, quantizer.grid()] as const));
  const before = [...found, ...outputs(subject, reference)];
  const losses: number[] = [];
  const first: Entries = [];
  const optimizer = tf.train.sgd(subject.learningRate);
  for (let step = 0; step < steps; step++) {
    const codes = (reference.get(`ties/${step}`)?.data ?? new Int32Array()) as Int32Array;
    const { loss, gradients } = lossAndGradients(subject, followTies(codes, subject, ties));
    losses.push(loss);
    if (step === 0) first.push(...[...gradients].map(([name, gradient]) => [`gradient/${name}`, figure(read(gradient))] as const));
    optimizer.applyGradients(byVariableName(subject, gradients));
    tf.dispose([...gradients.values()]);
  }
  optimizer.dispose();
  return { figures: new Map([...before, ...first, ['loss', figure(losses)]]), grids, ties };
}

function ranges({ quantizers, trained }: Subject): Entries {
  return [...quantizers].flatMap(([key, quantizer]) => {
    const parameters = quantizer.namedParameters.map(({ name }) => {
      const plain = plainName(name);
      const stored = read(trained.get(`${key}/${plain}`)!);
      return [`ranges/${key}/${plain}`, figure(plain === name ? stored : stored.map(Math.exp))] as const;
    });
    const { signed } = quantizer.state();
    return signed === undefined ? parameters : [...parameters, [`signed/${key}`, figure([signed === true ? 1 : 0])] as const];
  });
}

/** From here on both halves have the same ranges to the last bit: fifty layers leave a difference of some millionths, of which the rest is free. */
function adoptRanges({ quantizers, trained }: Subject, reference: Figures): void {
  for (const [key, quantizer] of quantizers) {
    for (const { name, variable } of quantizer.namedParameters) {
      const values = valuesOf(reference, `ranges/${key}/${plainName(name)}`);
      if (values === undefined) continue;
      const stored = name === plainName(name) ? values : values.map(Math.log);
      tf.tidy(() => trained.get(`${key}/${plainName(name)}`)!.assign(tf.tensor(stored, variable.shape)));
    }
  }
}

/** What our quantizers make of values that the reference's have seen. */
function outputs({ quantizers }: Subject, reference: Figures): Entries {
  return [...quantizers].flatMap(([key, quantizer]) => {
    const input = reference.get(`input/${key}`);
    return input === undefined ? [] : [[`output/${key}`, { ...input, data: rounded(quantizer, input) }] as const];
  });
}

function rounded(quantizer: FakeQuantizer, { data, shape }: SafetensorsTensor): Float32Array {
  return tf.tidy(() => read(quantizer.apply(tf.tensor(data as Float32Array, [...shape]))));
}

interface Descent {
  readonly loss: number;
  /** By the names of the trained variables. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
}

/** Cross entropy of the first batch and its gradients, as in training. */
function lossAndGradients({ model, trained, images, labels }: Subject, tap: Tap): Descent {
  const batch = tf.slice(images, 0, BATCH);
  const classes = tf.tidy(() => tf.oneHot(tf.cast(tf.slice(labels, 0, BATCH), 'int32'), model.outputs[0]!.shape.at(-1) ?? 1));
  const loss = (): tf.Scalar => tf.losses.softmaxCrossEntropy(classes, model.apply(batch, { training: true }) as tf.Tensor);
  const { value, grads } = withTap(tap, () => tf.variableGrads(loss, [...trained.values()]));
  const descent = { loss: value.dataSync()[0]!, gradients: new Map([...trained].map(([name, { name: key }]) => [name, grads[key]!])) };
  tf.dispose([value, batch, classes]);
  return descent;
}

function byVariableName({ trained }: Subject, gradients: ReadonlyMap<string, tf.Tensor>): Record<string, tf.Tensor> {
  return Object.fromEntries([...trained].map(([name, variable]) => [variable.name, gradients.get(name)!]));
}

function read(tensor: tf.Tensor): Float32Array {
  return Float32Array.from(tensor.dataSync());
}
